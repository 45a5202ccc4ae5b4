// Of what each system takes, shows only the one that is chosen.

for (const list of document.querySelectorAll("[data-systems]")) {
  const select = list.closest("form").elements.model;
  const show = () => {
    for (const line of list.querySelectorAll("[data-system]")) line.hidden = line.dataset.system !== select.value;
  };
  select.addEventListener("change", show);
  show();
}
