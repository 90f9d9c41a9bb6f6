// The page of a run: draws its tables from report.json, and on a live page asks the server for news.
// Every text is set as text and never as HTML, because names may contain any character.
  const byId = (id) => document.getElementById(id);
  const isLive = document.documentElement.hasAttribute("data-live");
  const SIGNS = { "same rows": "†", "same items": "§", "not zero-shot": "°", "lacks languages": "*", "lacks seeds": "" };
  const KINDS = { search: "search trials", prepare: "preparations", target: "target trainings", score: "encoder scores", predict: "predictors of transfer" };
  const EMPTY = "–";
  const view = { model: 0, language: "mean", family: "", shown: "gain", fade: true, target: "", open: null, contrasts: "", attacked: "", condition: "", measure: "drop" };
  const GRIDS = ["matrix", "languages", "contrast-table", "condition-table"];
  const sorting = Object.fromEntries(GRIDS.map((name) => [name, { column: "", descending: true }]));
  let data = JSON.parse(byId("data").textContent);
  let sweep = null;

  // Elements ---------------------------------------------------------------------------------------------------------

  function fill(element, properties, children) {
    for (const [name, value] of Object.entries(properties || {})) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return element;
  }
  const make = (name, properties, ...children) => fill(document.createElement(name), properties, children);
  const draw = (name, properties, ...children) =>
    fill(document.createElementNS("http://www.w3.org/2000/svg", name), properties, children);
  const hidden = (text) => make("span", { class: "hidden" }, text);

  function table(caption, columns, rows) {
    const head = make("tr", {}, ...columns.map((name) => make("th", { scope: "col" }, name)));
    const body = rows.map((row) =>
      make("tr", {}, ...row.map((value, number) => (number ? make("td", {}, value) : make("th", { scope: "row" }, value)))));
    const inner = make("table", {}, make("caption", {}, caption), make("thead", {}, head), make("tbody", {}, ...body));
    return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption }, inner);
  }

  // Text -------------------------------------------------------------------------------------------------------------

  const isNumber = (value) => typeof value === "number";
  const points = (value) => (isNumber(value) ? (100 * value).toFixed(1).replace(/^-(0\.0)$/, "$1").replace("-", "−") : EMPTY);
  const withSign = (value, digits) => {
    const text = value.toFixed(digits);
    return Number(text) ? (value > 0 ? "+" : "") + text.replace("-", "−") : text.replace("-", "");
  };
  const signed = (value) => (isNumber(value) ? withSign(100 * value, 1) : EMPTY);
  const halfWidth = (row) => (isNumber(row.low) ? (row.high - row.low) / 2 : null);
  // The interval of one seed is about items only and settles nothing.
  const isSettled = (row) => isNumber(row.low) && row.num_seeds > 1 && (row.low > 0 || row.high < 0);
  const probability = (value) => (!isNumber(value) ? EMPTY : value < 0.001 ? "< 0.001" : value.toFixed(3));
  const MEANINGS = {
    "same rows": "† and dashed border, same rows: the recipe trains on rows of the target",
    "same items": "§ same items in another language",
    "not zero-shot": "° not zero-shot in one of the languages",
    "lacks languages": "* lacks languages that other recipes have",
  };
  const SILENT = ["one seed", "incomplete", "no outcomes"];
  const OTHER = "other";
  const TEXTS = ["contrast", "family", "sentence"];
  const signs = (marks) => (marks || "").split(", ").map((mark) => SIGNS[mark] || "").join("");
  const plural = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
  const shell = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

  /** The parts of a sentence; those between backticks are code. */
  const withCode = (text) => text.split("`").map((part, number) => (number % 2 ? make("code", {}, part) : part));

  function duration(seconds) {
    if (!isNumber(seconds)) return "unknown";
    if (seconds < 90) return `${Math.round(seconds)} s`;
    return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
  }

  /** The rows of a table of columns as objects. */
  function rowsOf(columns) {
    const names = Object.keys(columns || {});
    return names.length ? columns[names[0]].map((_, number) => Object.fromEntries(names.map((name) => [name, columns[name][number]]))) : [];
  }

  // Cells ------------------------------------------------------------------------------------------------------------

  const model = () => data.models[Math.min(view.model, data.models.length - 1)];
  const cellOf = (recipe, target) => model().cells.find((cell) => cell.recipe === recipe && cell.target === target);
  const numAsked = () => data.space.seeds.length;

  /** The estimate of a cell in a language, or its mean over languages. */
  function estimate(cell, language) {
    if (language === "mean") return cell;
    const number = cell.languages ? cell.languages.language.indexOf(language) : -1;
    return number < 0 ? {} : Object.fromEntries(Object.entries(cell.languages).map(([name, values]) => [name, values[number]]));
  }

  const showsGains = () => view.shown === "gain" && model().reference !== "";
  const value = (row, isReference) => (isReference || !showsGains() ? row.score : row.gain);

  /** Trials that run now, and failed trials, for a cell. A failed preparation concerns the whole row. */
  function states(cell) {
    const task = data.targets.find((target) => target.target === cell.target).training_task;
    const concerns = (trial, trained) => trial.model === model().model && trial.recipe === cell.recipe &&
      (task ? trained === task : trial.kind === "score");
    const running = sweep ? sweep.running.filter((trial) => concerns(trial, trial.target)).length : 0;
    const failed = rowsOf(data.failures).filter((trial) => concerns(trial, trial.task) ||
      (trial.kind === "prepare" && trial.recipe === cell.recipe && trial.model === model().model)).length;
    return { running, failed };
  }

  /** A number between 0 and 1 for each gain: at most two cells have the full colour. */
  function scaleOf(values) {
    const sizes = values.filter(isNumber).map(Math.abs).sort((a, b) => b - a);
    return sizes.length > 2 ? sizes[2] || sizes[0] || 1 : sizes[0] || 1;
  }

  function gridCell(cell, language, isReference, scale) {
    const row = estimate(cell, language);
    const shown = value(row, isReference);
    const { running, failed } = language === "mean" ? states(cell) : { running: 0, failed: 0 };
    const element = make("td", { tabindex: -1, "data-recipe": cell.recipe, "data-target": cell.target, "data-language": language });
    const isGain = !isReference && showsGains() && isNumber(shown);
    element.className = !isNumber(shown) ? "missing" : isReference ? "reference" : isGain ? (shown < 0 ? "loss" : "gain") : "";
    if (isGain) {
      element.classList.add(isSettled(row) ? "settled" : "unsettled");
      element.style.setProperty("--share", `${Math.round(100 * Math.min(1, Math.abs(shown) / scale))}%`);
    }
    if ((row.marks || "").includes("same rows")) element.classList.add("same-rows");
    const text = isGain ? signed(shown) : points(shown);
    element.append(make("span", { class: "number" }, text + signs(row.marks)));
    const notes = [];
    if (isGain && halfWidth(row) !== null) notes.push(`± ${points(halfWidth(row))}`);
    if (row.note && !SILENT.includes(row.note)) notes.push(row.note);
    if (language === "mean" && !(cell.num_seeds >= numAsked()) && !isSeedless(cell)) notes.push(`${cell.num_seeds} of ${plural(numAsked(), "seed")}`);
    if (running) notes.push(`${running} running`);
    if (failed) notes.push(`${failed} failed`);
    element.append(...notes.map((note) => make("small", {}, note)));
    if (isGain && isSettled(row)) element.append(hidden(", interval excludes 0"));
    element.addEventListener("click", () => open(cell.recipe, cell.target, element));
    return element;
  }

  const isSeedless = (cell) => (cell.seeds || []).some((seed) => seed.seed === null);

  // Grids: tables with one tab stop, arrow keys between cells, and sorting -----------------------------------------------

  function header(name, column, label, small) {
    const order = sorting[name];
    const button = make("button", { type: "button", tabindex: -1, onclick: () => sortBy(name, column) }, label,
      make("span", { "aria-hidden": "true" }, order.column === column ? (order.descending ? " ▼" : " ▲") : ""));
    const direction = order.column === column ? (order.descending ? "descending" : "ascending") : "none";
    return make("th", { scope: "col", "aria-sort": direction, "data-column": column }, button, ...small.map((text) => make("small", {}, text)));
  }

  function sortBy(name, column) {
    const order = sorting[name];
    // The first column has the order of the space, and names in both directions after that.
    if (order.column !== column) Object.assign(order, { column, descending: !["name", ...TEXTS].includes(column) });
    else order.descending = !order.descending;
    render();
  }

  function sorted(name, rows, valueOf) {
    const order = sorting[name];
    if (!order.column) return rows;
    const sign = order.descending ? -1 : 1;
    const key = (row) => (order.column === "name" ? row : valueOf(row, order.column));
    return rows.slice().sort((first, second) => {
      const [a, b] = [key(first), key(second)];
      if (typeof a === "string") return sign * a.localeCompare(b);
      if (!isNumber(a) || !isNumber(b)) return Number(isNumber(b)) - Number(isNumber(a));
      return sign * (a - b);
    });
  }

  const item = (cell) => cell.querySelector("button") || cell;

  function makeGrid(name, head, rows) {
    const grid = byId(name);
    const active = document.activeElement && grid.contains(document.activeElement) ? position(grid, document.activeElement) : null;
    const last = active || (grid.rows.length ? position(grid, grid.querySelector("[tabindex='0']")) : null) || { row: 1, column: 1 };
    grid.tHead.replaceChildren(make("tr", {}, ...head));
    grid.tBodies[0].replaceChildren(...rows);
    const target = at(grid, last.row, last.column) || at(grid, 0, 0);
    if (target) item(target).tabIndex = 0;
    if (active && target) item(target).focus();
  }

  function position(grid, element) {
    const cell = element && element.closest("td, th");
    return cell ? { row: cell.parentElement.rowIndex, column: cell.cellIndex } : null;
  }

  function at(grid, row, column) {
    const line = grid.rows[Math.max(0, Math.min(row, grid.rows.length - 1))];
    return line ? line.cells[Math.max(0, Math.min(column, line.cells.length - 1))] : null;
  }

  function move(event) {
    const grid = event.currentTarget;
    const place = position(grid, event.target);
    if (!place) return;
    const [lastRow, lastColumn] = [grid.rows.length - 1, grid.rows[0].cells.length - 1];
    const steps = {
      ArrowUp: [place.row - 1, place.column], ArrowDown: [place.row + 1, place.column],
      ArrowLeft: [place.row, place.column - 1], ArrowRight: [place.row, place.column + 1],
      PageUp: [place.row - 10, place.column], PageDown: [place.row + 10, place.column],
      Home: [event.ctrlKey ? 0 : place.row, 0], End: [event.ctrlKey ? lastRow : place.row, lastColumn],
    };
    if (steps[event.key]) {
      focusOn(grid, item(at(grid, ...steps[event.key])));
    } else if ((event.key === "Enter" || event.key === " ") && event.target.matches("td")) {
      event.target.click();
    } else {
      return;
    }
    event.preventDefault();
  }

  function focusOn(grid, element) {
    for (const other of grid.querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
    element.tabIndex = 0;
    element.focus();
  }

  // Matrix and languages -------------------------------------------------------------------------------------------------

  function recipes() {
    const { reference } = model();
    const names = data.recipes.map((recipe) => recipe.recipe).filter((name) => name !== reference);
    const ordered = sorted("matrix", names, (name, column) => (column === "mean"
      ? (rowMeans()[name] || {}).gain
      : value(estimate(cellOf(name, column.slice(7)), view.language), false)));
    return reference ? [reference, ...ordered] : ordered;
  }

  /** Recipe -> its mean gain over the targets that all recipes have. */
  const rowMeans = () => Object.fromEntries(rowsOf(model().rows).map((row) => [row.recipe, row]));

  function meanCell(row) {
    if (!row || !isNumber(row.gain)) return make("td", { tabindex: -1, class: "missing" }, EMPTY);
    const settled = isSettled(row);
    return make("td", { tabindex: -1, class: `mean ${settled ? "settled" : "unsettled"}` }, make("span", { class: "number" }, signed(row.gain)),
      halfWidth(row) === null ? null : make("small", {}, `± ${points(halfWidth(row))}`), settled ? hidden(", interval excludes 0") : null);
  }

  function gainsIn(cells, language) {
    return cells.filter((cell) => cell.recipe !== model().reference).map((cell) => estimate(cell, language).gain);
  }

  function drawMatrix() {
    const { reference, at_chance: atChance } = model();
    const scale = scaleOf(gainsIn(model().cells, view.language));
    const head = [header("matrix", "name", "recipe", [])].concat(data.targets.map((target) =>
      header("matrix", `target:${target.target}`, target.target, [target.metric, ...(atChance.includes(target.target) ? ["at chance"] : [])])));
    const means = Object.values(rowMeans());
    const hasMeans = means.length > 0 && view.language === "mean" && showsGains();
    if (hasMeans) head.push(header("matrix", "mean", "mean", [`of ${plural(means[0].num_targets, "target")}`]));
    const rows = recipes().map((recipe) => make("tr", {},
      make("th", { scope: "row", tabindex: -1 }, recipe, ...(recipe === reference ? [make("small", {}, "score")] : [])),
      ...data.targets.map((target) => gridCell(cellOf(recipe, target.target), view.language, recipe === reference, scale)),
      ...(hasMeans ? [meanCell(rowMeans()[recipe])] : [])));
    makeGrid("matrix", head, rows);
    const where = view.language === "mean" ? "mean over languages" : `language ${view.language}`;
    byId("matrix-caption").textContent = showsGains()
      ? `Gain over ${reference} in points ± half width of the 95 % interval, ${where}`
      : `Score in points, ${where}${reference ? "" : "; the space has no baseline, so there are no gains"}`;
  }

  function languages(family) {
    return rowsOf(model().languages).filter((row) => !family || (row.family || OTHER) === family).map((row) => row.language);
  }

  /** What the signs and colours of the matrix mean, as far as they occur. */
  function drawLegend() {
    const marks = new Set(model().cells.flatMap((cell) => (cell.marks || "").split(", ")));
    const words = [
      showsGains() ? "Blue: a gain, red: a loss, bold: its 95 % interval excludes 0" : "",
      showsGains() && model().reference ? `row ${model().reference}: scores` : "",
      model().at_chance.length ? "at chance: the score of the reference is not above the trivial score" : "",
      ...Object.entries(MEANINGS).filter(([mark]) => marks.has(mark)).map(([, words]) => words),
    ];
    byId("legend").textContent = words.filter(Boolean).map((part) => `${part}.`).join(" ");
  }

  function drawLanguages() {
    const families = Object.fromEntries(rowsOf(model().languages).map((row) => [row.language, row.family]));
    const columns = data.recipes.map((recipe) => recipe.recipe);
    const cells = columns.map((recipe) => cellOf(recipe, view.target));
    const present = languages(view.family).filter((language) => cells.some((cell) => isNumber(estimate(cell, language).score)));
    const scale = scaleOf(present.flatMap((language) => gainsIn(cells, language)));
    const ordered = sorted("languages", present, (language, recipe) =>
      value(estimate(cellOf(recipe, view.target), language), recipe === model().reference));
    const rows = ordered.map((language) => make("tr", {},
      make("th", { scope: "row", tabindex: -1 }, language, ...(families[language] ? [make("small", {}, families[language])] : [])),
      ...cells.map((cell) => gridCell(cell, language, cell.recipe === model().reference, scale))));
    makeGrid("languages", [header("languages", "name", "language", []), ...columns.map((name) => header("languages", name, name, name === model().reference ? ["score"] : []))], rows);
    byId("languages-caption").textContent = present.length ? `${view.target} by language` : `${view.target}: no scores by language`;
  }

  // Details ----------------------------------------------------------------------------------------------------------------

  function open(recipe, target, from) {
    view.open = { recipe, target, from: from.closest("table").id, language: from.dataset.language };
    drawDetails();
    byId("details-title").focus();
  }

  function close() {
    if (!view.open) return;
    const { recipe, target, from, language } = view.open;
    view.open = null;
    drawDetails();
    const matches = (cell) => cell.dataset.recipe === recipe && cell.dataset.target === target && cell.dataset.language === language;
    const cell = [...byId(from).querySelectorAll("td")].find(matches) || byId(from).querySelector("td");
    if (cell) focusOn(byId(from), cell);
  }

  function examples(cell) {
    const counts = (cell.languages.count || []).filter(isNumber);
    const [least, most] = [Math.min(...counts), Math.max(...counts)];
    if (!counts.length) return "unknown";
    return `${least === most ? least : `${least} to ${most}`} in each of ${plural(counts.length, "language")}`;
  }

  function facts(cell) {
    const isReference = cell.recipe === model().reference;
    const target = data.targets.find((one) => one.target === cell.target);
    const interval = isNumber(cell.low) ? `${signed(cell.low)} to ${signed(cell.high)} (95 %, over new ${cell.basis})` : "none";
    const trained = trialsOf(cell).filter((trial) => Object.keys(trial.dials).length);
    const dials = [...new Set(trained.map((trial) => Object.entries(trial.dials).map(([name, dial]) => `${name} = ${dial}`).join(", ")))];
    const known = [
      ["score", `${points(cell.score)} (${target.metric})`],
      ...(isReference ? [] : [["gain", signed(cell.gain)], ["interval", interval], ["p", probability(cell.p)], ["q", probability(cell.q)]]),
      ["seeds", isSeedless(cell) ? "the score depends on no seed" : `${cell.num_seeds} of ${numAsked()}`],
      ["examples", examples(cell)],
      ...(cell.num_items ? [["items", `${cell.num_items} (examples of one item in several languages count once)`]] : []),
      ["marks", cell.marks || "none"], ["note", cell.note || "none"], ["dials", dials.join("; ") || "none"],
    ];
    if (cell.at_chance) known.push(["reference", "not above the trivial score"]);
    return make("dl", {}, ...known.map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", {}, text))));
  }

  function trialsOf(cell) {
    const keys = new Set((cell.seeds || []).map((seed) => seed.training));
    return rowsOf(data.trials).filter((trial) => keys.has(trial.key));
  }

  function seedTable(cell, what) {
    const shown = (cell.seeds || []).filter((seed) => seed[what].some(isNumber));
    const names = cell.languages.language.map((language, number) => [number, language]).filter(([, language]) => languages().includes(language));
    const text = what === "gain" ? signed : points;
    const rows = names.map(([number, language]) => {
      const row = estimate(cell, language);
      const interval = what === "gain" ? [isNumber(row.low) ? `${signed(row.low)} to ${signed(row.high)}` : EMPTY] : [];
      return [language, text(row[what]), ...interval, ...shown.map((seed) => text(seed[what][number]))];
    });
    const columns = ["language", "mean", ...(what === "gain" ? ["95 % interval"] : []), ...shown.map((seed) => (seed.seed === null ? "no seed" : `seed ${seed.seed}`))];
    return rows.length && shown.length ? table(`${what} by language and seed (points)`, columns, rows) : null;
  }

  function trialTable(cell) {
    const rows = trialsOf(cell).map((trial) => {
      const command = `sweeper trial ${shell(data.run)} ${shell(trial.name)}`;
      return [trial.name, Object.entries(trial.dials).map(([name, dial]) => `${name} = ${dial}`).join(", ") || EMPTY,
        duration(trial.seconds), trial.device || EMPTY,
        make("span", { class: "command" }, make("code", {}, command), copyButton("Copy", command, `command of ${trial.name}`),
          copyButton("Copy --again", `${command} --again`, `command that reruns ${trial.name}`))];
    });
    return rows.length ? table("Trials. The command shows a trial; with --again it runs the trial again and compares it", ["trial", "dials", "duration", "device", "command"], rows) : null;
  }

  function drawDetails() {
    const section = byId("details");
    section.hidden = !view.open;
    const cell = view.open && cellOf(view.open.recipe, view.open.target);
    if (!cell) return;
    byId("details-title").textContent = `${cell.recipe} on ${cell.target}`;
    const parts = isNumber(cell.score)
      ? [facts(cell), cell.recipe === model().reference ? null : seedTable(cell, "gain"), seedTable(cell, "score"), conditionTable(cell), trialTable(cell)]
      : [make("p", {}, `This cell has no score yet; ${plural(numAsked(), "seed")} asked for.`)];
    byId("details-body").replaceChildren(...parts.filter(Boolean));
  }

  // Copies -------------------------------------------------------------------------------------------------------------------

  function copyButton(label, text, what) {
    return make("button", { type: "button", onclick: (event) => copy(event, text, what), "aria-label": `${label}: ${what}` }, label);
  }

  async function copy(event, text, what) {
    // The message is shown in the section of the button.
    event.target.closest("section").querySelector(".controls, .head").after(byId("status"), byId("copied-box"));
    const area = byId("copied");
    area.value = text;
    try {
      await navigator.clipboard.writeText(text);
      byId("status").textContent = `Copied the ${what}.`;
      byId("copied-box").hidden = true;
    } catch {
      // Without permission for the clipboard, the text is shown for copying by hand.
      byId("copied-box").hidden = false;
      area.select();
      byId("status").textContent = "The browser does not permit copying. The text is below.";
    }
  }

  /** The rows of the matrix as they are shown: label, and for each target its value and the half width of its interval. */
  function shownMatrix() {
    const label = (recipe) => (recipe === model().reference && showsGains() ? `${recipe} (score)` : recipe);
    const rows = recipes().map((recipe) => [label(recipe), data.targets.map((target) => {
      const row = estimate(cellOf(recipe, target.target), view.language);
      const isReference = recipe === model().reference;
      const isGain = !isReference && showsGains();
      return { shown: value(row, isReference), half: isGain ? halfWidth(row) : null, isGain, settled: isGain && isSettled(row), marks: signs(row.marks) };
    })]);
    const meaning = showsGains() ? "gain in points +- half width of the 95 % interval; bold: it excludes 0" : "";
    return { columns: data.targets.map((target) => target.target), rows, meaning };
  }

  function csvOf(lines) {
    const quoted = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    return lines.map((line) => line.map(quoted).join(",")).join("\n") + "\n";
  }

  /** A grid of recipes as CSV: a value and the half width of its interval in each column. */
  function gridAsCsv({ columns, rows }) {
    const number = (fraction) => (isNumber(fraction) ? (100 * fraction).toFixed(2) : "");
    const head = ["recipe", ...columns.flatMap((column) => [column, `${column} half width`])];
    return csvOf([head, ...rows.map(([recipe, cells]) => [recipe, ...cells.flatMap((cell) => [number(cell.shown), number(cell.half)])])]);
  }

  function escaped(text) {
    const special = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}" };
    return text.replace(/[\\~^<>|&%$#_{}]/g, (sign) => special[sign] || `\\${sign}`);
  }

  function mathText(shown, isGain, isBold, marks, half) {
    if (!isNumber(shown)) return "--";
    const symbols = { "†": "\\dagger", "§": "\\S", "°": "\\circ", "*": "*" };
    const main = (isGain ? signed(shown) : points(shown)).replace("−", "-");
    const raised = marks ? `^{${[...marks].map((sign) => symbols[sign]).join("")}}` : "";
    return `$${isBold ? `\\mathbf{${main}}` : main}${raised}${isNumber(half) ? ` \\pm ${points(half)}` : ""}$`;
  }

  function latexOf(head, rows, alignment, notes) {
    const [first, ...lines] = [head, ...rows].map((row) => `${row.join(" & ")} \\\\`);
    return [...notes, `\\begin{tabular}{${alignment}}`, "\\toprule", first, "\\midrule", ...lines, "\\bottomrule", "\\end{tabular}", ""].join("\n");
  }

  function gridAsLatex({ columns, rows, meaning }) {
    const lines = rows.map(([recipe, cells]) => [escaped(recipe), ...cells.map((cell) => mathText(cell.shown, cell.isGain, cell.settled, cell.marks, cell.half))]);
    return latexOf(["recipe", ...columns.map(escaped)], lines, `l${"r".repeat(columns.length)}`, meaning ? [`% ${meaning}`] : []);
  }

  // Searches, failures, cost ---------------------------------------------------------------------------------------------------

  /** The least and the largest value with their places on an axis; one value in the middle if all are equal. */
  function ends(values, middle, low, high) {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    return most > least ? [[least, low], [most, high]] : [[least, middle]];
  }

  function response(study, trials) {
    const dial = study.dials.includes("learning_rate") ? "learning_rate" : study.dials[0];
    const done = trials.filter((trial) => trial.study === study.study && trial.role === "search" && isNumber(trial.dials[dial]) && isNumber(trial.value));
    if (!done.length) return null;
    const xs = done.map((trial) => trial.dials[dial]);
    const ys = done.map((trial) => trial.value);
    const isLog = Math.min(...xs) > 0;
    const place = (number) => (isLog ? Math.log(number) : number);
    const scale = (values, low, high) => {
      const [least, most] = [Math.min(...values), Math.max(...values)];
      return (number) => (most > least ? low + ((number - least) / (most - least)) * (high - low) : (low + high) / 2);
    };
    const [x, y] = [scale(xs.map(place), 48, 208), scale(ys, 96, 14)];
    const dots = done.map((trial) => draw("circle", { cx: x(place(trial.dials[dial])), cy: y(trial.value), r: trial.key === study.chosen ? 5 : 3, class: trial.key === study.chosen ? "chosen" : "dot" },
      draw("title", {}, `${dial} = ${trial.dials[dial]}: ${points(trial.value)}`)));
    const label = (at, top, text, anchor) => draw("text", { x: at, y: top, "text-anchor": anchor }, text);
    const name = `${study.recipe}${study.task && study.task !== study.recipe ? ` → ${study.task}` : ""}`;
    const best = done.find((trial) => trial.key === study.chosen);
    const summary = best ? `chosen ${dial} = ${best.dials[dial]}, ${study.value_name} ${points(best.value)}` : "none chosen yet";
    const chart = draw("svg", { viewBox: "0 0 228 130", role: "img", "aria-label": `${name}: ${study.value_name} against ${dial}, ${plural(done.length, "trial")}, ${summary}` },
      draw("path", { d: "M40 8V102H214", class: "axis" }), ...dots,
      ...ends(ys, 58, 100, 18).map(([number, at]) => label(36, at, points(number), "end")),
      ...ends(xs, 128, 48, 206).map(([number, at]) => label(at, 112, String(Number(number.toPrecision(2))), "middle")),
      label(127, 126, isLog ? `${dial} (log)` : dial, "middle"));
    return make("figure", {}, chart, make("figcaption", {}, make("b", {}, name), make("span", {}, summary)));
  }

  function drawSearches() {
    const trials = rowsOf(data.trials);
    const figures = rowsOf(data.studies).filter((study) => study.model === model().model).map((study) => response(study, trials)).filter(Boolean);
    byId("searches").hidden = !figures.length;
    byId("searches-body").replaceChildren(...figures);
  }

  // Summaries ----------------------------------------------------------------------------------------------------------

  /** A correlation or a share with a sign. */
  const share = (value) => (isNumber(value) ? withSign(value, 2) : EMPTY);
  const between = (row) => (isNumber(row.low) ? `${share(row.low)} to ${share(row.high)}` : EMPTY);

  function drawSummary(name, ...contents) {
    byId(name).hidden = !contents.length;
    byId(`${name}-body`).replaceChildren(...contents);
  }

  function drawSummaries() {
    const best = rowsOf(model().best).map((row) => [row.target, row.recipes.join(", "), `${row.recipes.length} of ${row.num_rows}`, row.best, signed(row.gain), signed(row.corrected)]);
    drawSummary("best", ...(best.length ? [table("Recipes that cannot be distinguished from the best one (95 %), by target", ["target", "set of best recipes", "size", "best of them", "gain (points)", "corrected for selection"], best)] : []));
    const notes = model().notes.map((text) => make("p", {}, text));
    const pairs = rowsOf(model().correlations).map((row) => [row.of, row.a, row.b, share(row.rho), between(row), String(row.n), probability(row.p), probability(row.q)]);
    drawSummary("correlations", ...notes, ...(pairs.length ? [table("Pairs of recipes over targets, and of targets over recipes", ["of", "first", "second", "correlation", "95 % interval", "n", "p", "q"], pairs)] : []));
    const predictors = rowsOf(model().predictors).map((row) => [row.predictor, row.ndcg.toFixed(2), points(row.regret_1), points(row.regret_3), between(row), String(row.n), isNumber(row.seconds) ? row.seconds.toFixed(1) : EMPTY, row.recommended ? "yes" : "no"]);
    drawSummary("predictors", ...(predictors.length ? [table("Quality of the predicted order", ["predictor", "NDCG", "regret@1 (points)", "regret@3 (points)", "NDCG over the recipe mean", "targets", "seconds", "recommended"], predictors)] : []));
  }

  function drawLists() {
    const failed = rowsOf(data.failures).map((trial) => [trial.name, trial.reason]);
    const lost = [...data.lost.map((trial) => [trial.key, trial.reason])];
    const texts = [...data.damaged, ...data.notes];
    byId("failures").hidden = !failed.length && !lost.length && !texts.length;
    byId("failures-body").replaceChildren(
      ...texts.map((text) => make("p", {}, text)),
      ...(failed.length ? [table("Failed trials", ["trial", "reason"], failed)] : []),
      ...(lost.length ? [table("Trials that left a traceback and no record. The next run tries them again", ["key", "end of the traceback"], lost)] : []));
    const hardware = rowsOf(data.hardware).map((row) => [row.device || "unknown", String(row.num_trials), row.hours.toFixed(2), row.tokens.toLocaleString("en"), isNumber(row.tokens_per_second) ? Math.round(row.tokens_per_second).toLocaleString("en") : EMPTY]);
    byId("cost").hidden = !hardware.length;
    byId("cost-body").replaceChildren(table("Finished trials by device", ["device", "trials", "hours", "training tokens", "tokens per second"], hardware));
  }

  // Controls ---------------------------------------------------------------------------------------------------------------------

  function options(select, values, chosen) {
    const same = [...select.options].map((option) => option.value).join("\n") === values.map(([name]) => name).join("\n");
    if (!same) select.replaceChildren(...values.map(([name, label]) => make("option", { value: name }, label)));
    select.value = chosen;
  }

  function drawControls() {
    const named = rowsOf(model().languages).map((row) => row.family || OTHER);
    const families = named.every((name) => name === OTHER) ? [] : [...new Set(named)].sort();
    if (!families.includes(view.family)) view.family = "";
    if (view.language !== "mean" && !languages().includes(view.language)) view.language = "mean";
    if (!data.targets.some((target) => target.target === view.target)) view.target = data.targets[0].target;
    options(byId("model"), data.models.map((one, number) => [String(number), one.model]), String(view.model));
    options(byId("family"), [["", "all"], ...families.map((name) => [name, name])], view.family);
    options(byId("language"), [["mean", "mean over languages"], ...languages().map((name) => [name, name])], view.language);
    options(byId("target"), data.targets.map((target) => [target.target, target.target]), view.target);
    byId("model-box").hidden = data.models.length < 2;
    byId("family-box").hidden = !families.length;
    byId("content").classList.toggle("fade", view.fade);
  }

  function summary() {
    const cells = model().cells.filter((cell) => cell.recipe !== model().reference);
    const settled = cells.filter(isSettled).length;
    const scored = cells.filter((cell) => isNumber(cell.score)).length;
    return `${data.recipes.length} recipes, ${plural(data.targets.length, "target")}, seeds ${data.space.seeds.join(", ")}, ${data.space.evaluate} split. ` +
      `${scored} of ${cells.length} cells have a score; the 95 % interval of ${plural(settled, "gain")} excludes 0.`;
  }

  function render() {
    if (!data) return;
    byId("content").hidden = false;
    byId("title").textContent = data.space.title || data.space.name;
    byId("run").textContent = data.run;
    byId("summary").textContent = summary();
    byId("findings").hidden = !data.findings.length;
    byId("findings-body").replaceChildren(...data.findings.map((text) => make("li", {}, ...withCode(text))));
    drawControls();
    drawMatrix();
    drawLegend();
    drawLanguages();
    drawDetails();
    drawContrasts();
    drawConditions();
    drawSummaries();
    drawSearches();
    drawLists();
  }

  // The running sweep -------------------------------------------------------------------------------------------------------------

  function drawSweep(news) {
    sweep = news.live;
    byId("live-report").textContent = news.report.message;
    if (!sweep) {
      byId("live-state").textContent = "This run folder has no live.json: no sweep has reported its running trials. The results are those of the ledger.";
      byId("live-body").replaceChildren();
      return;
    }
    const old = sweep.state === "running" && news.age > 120 ? " The sweep has probably been killed." : "";
    byId("live-state").textContent = `Sweep on ${sweep.host}, state: ${sweep.state}; reported ${duration(news.age)} ago.${old}`;
    const bars = Object.entries(sweep.counts).filter(([, [, total]]) => total).map(([kind, [done, total]]) => make("div", { class: "bar" },
      make("label", { for: `bar-${kind}` }, `${KINDS[kind] || kind}: ${done} of ${total}`), make("progress", { id: `bar-${kind}`, value: done, max: total })));
    const left = sweep.state !== "running" ? [] : [make("p", {}, `Time left: ${isNumber(sweep.seconds_left) ? `about ${duration(sweep.seconds_left)}` : "not known yet"}. Estimated from ${sweep.seconds_left_basis}.`)];
    const speed = sweep.running.reduce((sum, trial) => sum + (trial.tokens_per_second || 0), 0);
    if (speed) left.push(make("p", {}, `Pace: ${Math.round(speed).toLocaleString("en")} training tokens per second on ${plural(sweep.running.length, "worker")}.`));
    const workers = sweep.running.map((trial) => [trial.name, trial.host || EMPTY, trial.device || EMPTY, [trial.phase, trial.stage].filter(Boolean).join(" ") || "starting",
      trial.steps ? `${trial.step} of ${trial.steps}` : EMPTY, isNumber(trial.loss) ? trial.loss.toPrecision(3) : EMPTY, duration((Date.parse(sweep.written) - Date.parse(trial.since)) / 1000 + news.age), isNumber(trial.seconds_left) ? duration(trial.seconds_left) : EMPTY]);
    const queue = Object.entries(sweep.queue).map(([kind, counts]) => [KINDS[kind] || kind, ...["ready", "waiting", "blocked"].map((name) => String(counts[name]))]);
    const messages = (list) => list.map((message) => [message.name, message.time, message.text]);
    byId("live-body").replaceChildren(...bars, ...left,
      ...(workers.length ? [table("Running trials", ["trial", "host", "device", "doing", "step", "loss", "running for", "training ends in"], workers)] : []),
      ...(queue.length ? [table("Trials that have not started", ["type", "ready", "wait for others", "blocked"], queue)] : []),
      ...(sweep.lost.length ? [table("Lost trials", ["trial", "time", "reason"], messages(sweep.lost))] : []),
      ...(sweep.notices.length ? [table("Messages", ["trial", "time", "text"], messages(sweep.notices))] : []));
  }

  async function poll() {
    let version = "";
    for (;;) {
      try {
        const news = await (await fetch("news.json")).json();
        const before = JSON.stringify(sweep && sweep.running.map((trial) => trial.name));
        drawSweep(news);
        if (news.report.version !== version) {
          data = await (await fetch("report.json")).json();
          version = news.report.version;
          render();
        } else if (data && before !== JSON.stringify(sweep && sweep.running.map((trial) => trial.name))) {
          drawMatrix();
        }
      } catch {
        byId("live-state").textContent = "The dashboard does not answer. Start it again with `sweeper dashboard`; this page continues by itself.";
      }
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }

  // Start -----------------------------------------------------------------------------------------------------------------------

  function remembered(name, chosen) {
    // A browser may refuse storage to local files.
    try {
      if (chosen !== undefined) localStorage.setItem(name, chosen);
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  }

  function setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    byId("theme").value = theme;
  }

  function choose(name, change) {
    byId(name).addEventListener("change", (event) => {
      change(event.target);
      render();
    });
  }

  setTheme(remembered("theme") || "auto");
  byId("theme").addEventListener("change", (event) => setTheme(remembered("theme", event.target.value) || event.target.value));
  choose("model", (select) => { view.model = Number(select.value); view.open = null; });
  choose("family", (select) => { view.family = select.value; });
  choose("language", (select) => { view.language = select.value; });
  choose("shown", (select) => { view.shown = select.value; });
  choose("target", (select) => { view.target = select.value; });
  choose("fade", (box) => { view.fade = box.checked; });
  choose("contrast-family", (select) => { view.contrasts = select.value; });
  choose("attacked", (select) => { view.attacked = select.value; });
  choose("condition", (select) => { view.condition = select.value; });
  choose("measure", (select) => { view.measure = select.value; });
  for (const name of GRIDS) {
    byId(name).addEventListener("keydown", move);
    byId(name).addEventListener("focusin", (event) => {
      for (const other of byId(name).querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
      event.target.tabIndex = 0;
    });
  }
  byId("details").addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
  byId("close").addEventListener("click", close);
  const copies = {
    matrix: ["matrix", () => gridAsCsv(shownMatrix()), () => gridAsLatex(shownMatrix())],
    contrasts: ["contrasts", contrastsAsCsv, contrastsAsLatex],
    conditions: ["scores under the condition", () => gridAsCsv(shownConditions()), () => gridAsLatex(shownConditions())],
  };
  for (const [name, [what, asCsv, asLatex]] of Object.entries(copies)) {
    byId(`copy-csv-${name}`).addEventListener("click", (event) => copy(event, asCsv(), `${what} as CSV`));
    byId(`copy-latex-${name}`).addEventListener("click", (event) => copy(event, asLatex(), `${what} as LaTeX`));
  }
  render();
  if (isLive) poll();
