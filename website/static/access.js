// What is wider than its place scrolls sideways: by keyboard, too.
"use strict";

const reach = new ResizeObserver((changes) => {
  for (const { target } of changes) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const box of document.querySelectorAll("article :is(pre, .table-wrapper, .card, .math)")) reach.observe(box);
