// The order of the index: by quality, from either end, or by name.

const rows = document.getElementById("rows");
const quality = (row) => Number(row.dataset.quality);
const ORDERS = {
  worst: (a, b) => quality(a) - quality(b),
  best: (a, b) => quality(b) - quality(a),
  name: (a, b) => a.dataset.name.localeCompare(b.dataset.name, undefined, { numeric: true }),
};

for (const button of document.querySelectorAll("[data-sort]"))
  button.addEventListener("click", () => {
    rows.append(...[...rows.children].sort(ORDERS[button.dataset.sort]));
    for (const each of document.querySelectorAll("[data-sort]")) each.setAttribute("aria-pressed", String(each === button));
  });
