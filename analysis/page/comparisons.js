  // Contrasts and scores under conditions: two grids of the page. `page.js` contains the functions that draw grids.

  const CERTAIN = 0.05;
  const MEASURES = {
    drop: "drops", score: "scores under the condition", relative_drop: "relative drops (%)", success: "success of the attack (%)", worst: "worst of k",
  };

  // Contrasts --------------------------------------------------------------------------------------------------------

  const hasFamily = (row) => !view.contrasts || row.family === view.contrasts;
  const isDifferent = (row) => isNumber(row.p_holm) && row.p_holm < CERTAIN;
  const intervalText = (row) => (isNumber(row.low) ? `${signed(row.low)} to ${signed(row.high)}` : EMPTY);

  function drawContrasts() {
    const all = rowsOf(data.contrasts);
    byId("contrasts").hidden = !all.length;
    const families = [...new Set(all.map((row) => row.family))];
    if (!families.includes(view.contrasts)) view.contrasts = "";
    byId("contrast-family-box").hidden = families.length < 2;
    options(byId("contrast-family"), [["", "all"], ...families.map((name) => [name, name])], view.contrasts);
    byId("claims").hidden = !(data.claims || []).length;
    byId("claims").replaceChildren(...(data.claims || []).map((text) => make("li", {}, ...withCode(text))));
    const columns = [["contrast", "contrast"], ["family", "family"], ["estimate", "estimate"], ["interval", "95 % interval"], ["p_holm", "corrected p"], ["num_seeds", "seeds"], ["num_items", "items"], ["sentence", "sentence"]];
    const rows = sorted("contrast-table", all.filter(hasFamily), (row, column) => (column === "interval" ? row.low : row[column]));
    makeGrid("contrast-table", columns.map(([name, label]) => header("contrast-table", name, label, [])), rows.map(contrastRow));
    byId("contrast-table").caption.textContent = `Planned comparisons${view.contrasts ? ` of ${view.contrasts}` : ""}: ${plural(rows.length, "estimate")}`;
  }

  function contrastRow(row) {
    const cell = (text, name, ...more) => make("td", { tabindex: -1, class: name }, text, ...more);
    const note = row.note ? [make("small", {}, row.note)] : [];
    return make("tr", {},
      make("th", { scope: "row", tabindex: -1 }, row.contrast),
      cell(row.family, "text", ...(row.question ? [make("small", {}, row.question)] : [])),
      cell(make("span", { class: "number" }, signed(row.estimate)), `plain estimate ${isDifferent(row) ? "settled" : ""}`, make("small", {}, row.unit)),
      cell(intervalText(row), "plain interval"),
      cell(probability(row.p_holm), "plain", ...note),
      cell(String(row.num_seeds), "plain"), cell(String(row.num_items || EMPTY), "plain"), cell(row.sentence, "text"));
  }

  function contrastLines() {
    return rowsOf(data.contrasts).filter(hasFamily);
  }

  function contrastsAsCsv() {
    const number = (fraction) => (isNumber(fraction) ? (100 * fraction).toFixed(2) : "");
    const lines = contrastLines().map((row) => [row.family, row.contrast, number(row.estimate), row.unit, number(row.low), number(row.high),
      isNumber(row.p_holm) ? String(row.p_holm) : "", String(row.num_seeds), String(row.num_items || ""), row.note || "", row.sentence]);
    return csvOf([["family", "contrast", "estimate", "unit", "low", "high", "corrected p", "seeds", "items", "note", "sentence"], ...lines]);
  }

  function contrastsAsLatex() {
    const lines = contrastLines().map((row) => [escaped(row.contrast), mathText(row.estimate, true, isDifferent(row), "", halfWidth(row)), escaped(row.unit).replace("\\% ", "\\,\\% "),
      isNumber(row.p_holm) ? `$${probability(row.p_holm).replace(/^< /, "<")}$` : "--"]);
    return latexOf(["contrast", "estimate", "unit", "$p$"], lines, "lrlr",
      ["% estimate +- half width of the 95 % interval of each estimate alone; p corrected within its family (Holm 1979); bold: p < 0.05"]);
  }

  // Scores under conditions ------------------------------------------------------------------------------------------

  const attackOf = (recipe) => (cellOf(recipe, view.attacked).conditions || []).find((entry) => entry.condition === view.condition);
  const attackedRecipes = () => data.recipes.map((recipe) => recipe.recipe).filter(attackOf);
  const byLanguage = (entry) => (entry.languages || {}).language || [];

  function drawConditions() {
    const entries = model().cells.flatMap((cell) => (cell.conditions || []).map((entry) => [cell.target, entry.condition]));
    byId("conditions").hidden = !entries.length;
    if (!entries.length) return;
    const targets = [...new Set(entries.map(([target]) => target))];
    if (!targets.includes(view.attacked)) view.attacked = targets[0];
    const conditions = [...new Set(entries.filter(([target]) => target === view.attacked).map(([, condition]) => condition))];
    if (!conditions.includes(view.condition)) view.condition = conditions[0];
    options(byId("attacked"), targets.map((name) => [name, name]), view.attacked);
    options(byId("condition"), conditions.map((name) => [name, name]), view.condition);
    options(byId("measure"), Object.entries(MEASURES), view.measure);
    const grid = conditionGrid();
    makeGrid("condition-table", [header("condition-table", "name", "recipe", []), ...grid.columns.map((name) => header("condition-table", name, name, []))],
      grid.rows.map(([recipe, cells]) => make("tr", {}, make("th", { scope: "row", tabindex: -1 }, recipe), ...cells.map((row) => conditionCell(recipe, row, grid.scale)))));
    const more = entries.length && !byLanguage(attackOf(grid.rows[0][0])).length ? "; each language is in robustness.csv" : "";
    byId("condition-table").caption.textContent = `${view.attacked}, ${view.condition}: ${MEASURES[view.measure]}${view.measure === "drop" ? " in points ± half width of the 95 % interval" : ""}${more}`;
  }

  /** The recipes with their estimates for the mean and each language, and the scale of the colours. */
  function conditionGrid() {
    const present = languages().filter((language) => attackedRecipes().some((recipe) => byLanguage(attackOf(recipe)).includes(language)));
    const columns = ["mean", ...present];
    const names = sorted("condition-table", attackedRecipes(), (recipe, language) => estimate(attackOf(recipe), language)[view.measure]);
    const rows = names.map((recipe) => [recipe, columns.map((language) => ({ ...estimate(attackOf(recipe), language), column: language }))]);
    return { columns, rows, scale: scaleOf(rows.flatMap(([, cells]) => cells.map((row) => row.drop))) };
  }

  function conditionCell(recipe, row, scale) {
    const shown = row[view.measure];
    const element = make("td", { tabindex: -1, "data-recipe": recipe, "data-target": view.attacked, "data-language": row.column });
    const isDrop = view.measure === "drop" && isNumber(shown);
    element.className = !isNumber(shown) ? "missing" : isDrop ? `${shown > 0 ? "loss" : "gain"} ${isSettled(row) ? "settled" : "unsettled"}` : "";
    if (isDrop) element.style.setProperty("--share", `${Math.round(100 * Math.min(1, Math.abs(shown) / scale))}%`);
    element.append(make("span", { class: "number" }, points(shown)));
    if (isDrop && halfWidth(row) !== null) element.append(make("small", {}, `± ${points(halfWidth(row))}`));
    if (isNumber(row.score)) element.append(make("small", {}, `${points(row.clean)} → ${points(row.score)}`));
    if (row.note && !SILENT.includes(row.note)) element.append(make("small", {}, row.note));
    if (isDrop && isSettled(row)) element.append(hidden(", interval excludes 0"));
    element.addEventListener("click", () => open(recipe, view.attacked, element));
    return element;
  }

  /** The conditions of a cell, for the details. */
  function conditionTable(cell) {
    const rows = (cell.conditions || []).flatMap((entry) => ["mean", ...byLanguage(entry)].map((language) => {
      const row = estimate(entry, language);
      return [entry.condition, language, points(row.clean), points(row.score), points(row.drop), intervalText(row), points(row.relative_drop), points(row.success), points(row.worst), row.note || ""];
    }));
    return rows.length ? table("Scores under conditions (points or percent)", ["condition", "language", "clean", "score", "drop", "95 % interval", "relative drop", "success", "worst of k", "note"], rows) : null;
  }

  /** The cells of the grid of conditions as they are shown, for copying. */
  function shownConditions() {
    const grid = conditionGrid();
    const isDrop = view.measure === "drop";
    const cell = (row) => ({ shown: row[view.measure], half: isDrop ? halfWidth(row) : null, isGain: false, settled: isDrop && isSettled(row), marks: "" });
    return { columns: grid.columns, rows: grid.rows.map(([recipe, cells]) => [recipe, cells.map(cell)]),
      meaning: isDrop ? "drop in points +- half width of the 95 % interval; bold: it excludes 0" : MEASURES[view.measure].replace("%", "in percent") };
  }
