// Makes tables of a page sortable and searchable, and keeps both in the address, so that a link shows what its sender saw.
// Without it every table is whole and stands in the order that the page was written in.
"use strict";
(() => {
  const tables = [...document.querySelectorAll("table")].filter((table) => table.tBodies[0]?.rows.length > 3);
  const state = new URLSearchParams(location.hash.startsWith("#?") ? location.hash.slice(2) : "");
  const keep = () => {
    const words = state.toString();
    history.replaceState(null, "", words ? `#?${words}` : location.pathname + location.search);
  };
  const key = (cell) => {
    const given = cell.dataset.sort;
    return given === undefined ? cell.textContent.trim() : Number(given);
  };
  const compare = (one, other) => {
    const isNumber = [one, other].map((value) => typeof value === "number");
    if (isNumber[0] && isNumber[1]) return one - other;
    if (isNumber[0] !== isNumber[1]) return isNumber[0] ? -1 : 1;
    return one.localeCompare(other, "en", { numeric: true });
  };
  const sort = (table, column, isDown) => {
    const rows = [...table.tBodies[0].rows].map((row, place) => ({ row, place, value: key(row.cells[column]) }));
    rows.sort((a, b) => (isDown ? compare(b.value, a.value) : compare(a.value, b.value)) || a.place - b.place);
    table.tBodies[0].append(...rows.map((entry) => entry.row));
    [...table.tHead.rows[0].cells].forEach((head, place) => {
      if (place === column) head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  };
  const filter = (table, words, told) => {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    told.textContent = wanted.length ? `${shown} of ${table.tBodies[0].rows.length} rows` : "";
  };
  tables.forEach((table, number) => {
    const name = `t${number + 1}`;
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const isDown = head.getAttribute("aria-sort") === "ascending";
        sort(table, column, isDown);
        state.set(`${name}sort`, `${column}${isDown ? "d" : "a"}`);
        keep();
      });
    });
    const label = document.createElement("label");
    label.className = "filter";
    const input = document.createElement("input");
    input.type = "search";
    const told = document.createElement("span");
    told.setAttribute("role", "status");
    label.append("Rows with ", input, " ", told);
    table.closest(".scroll").before(label);
    input.addEventListener("input", () => {
      filter(table, input.value, told);
      if (input.value) state.set(`${name}rows`, input.value);
      else state.delete(`${name}rows`);
      keep();
    });
    const sorted = /^(\d+)([ad])$/.exec(state.get(`${name}sort`) ?? "");
    if (sorted && Number(sorted[1]) < table.tHead.rows[0].cells.length) sort(table, Number(sorted[1]), sorted[2] === "d");
    const words = state.get(`${name}rows`);
    if (words) {
      input.value = words;
      filter(table, words, told);
    }
  });
})();
