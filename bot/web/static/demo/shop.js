/** What the demo shop itself does: signing in, looking for products, a cart that only counts. */
const SELECTORS = {
  login: "[data-login]",
  search: "[data-search]",
  category: "[data-category]",
  product: "[data-product]",
  nothing: "[data-nothing]",
  add: "[data-add]",
  count: "[data-cart-count]",
  openChat: "[data-open-chat]",
};

const one = (name) => document.querySelector(SELECTORS[name]);
const all = (name) => [...document.querySelectorAll(SELECTORS[name])];

let category = "";

function filter() {
  const wanted = one("search").value.trim().toLowerCase();
  const shown = all("product").filter((product) => {
    product.hidden = (category && product.dataset.product !== category) || !product.textContent.toLowerCase().includes(wanted);
    return !product.hidden;
  });
  one("nothing").hidden = shown.length > 0 || all("product").length === 0;
}

all("category").forEach((button) =>
  button.addEventListener("click", () => {
    category = button.dataset.category;
    all("category").forEach((other) => other.setAttribute("aria-pressed", other === button));
    filter();
  }),
);
one("search").addEventListener("input", filter);
one("login").addEventListener("change", () => one("login").requestSubmit());
all("add").forEach((button) => button.addEventListener("click", () => (one("count").value = Number(one("count").value) + 1)));
one("openChat").addEventListener("click", () => window.Yingda?.open());
