"""Task formats, one file each: from rows to examples, features, predictions and scores."""
