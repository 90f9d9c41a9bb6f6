"""The report: results as sentences, tables and a Markdown template."""
