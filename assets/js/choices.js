// [data-choices]: [data-choose-all] ticks all boxes of its form, and follows when one of them changes.

function followChoices(form) {
  const boxes = Array.from(form.querySelectorAll("input[name=order]"));
  const ticked = boxes.filter((box) => box.checked).length;
  const all = form.querySelector("[data-choose-all]");
  all.checked = ticked > 0 && ticked === boxes.length;
  all.indeterminate = ticked > 0 && ticked < boxes.length;
}

listen("change", "[data-choices] input", (event, input) => {
  const form = input.form;
  if (input.matches("[data-choose-all]")) {
    for (const box of form.querySelectorAll("input[name=order]")) box.checked = input.checked;
  }
  followChoices(form);
});
