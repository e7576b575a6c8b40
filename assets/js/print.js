// The button that prints a page.

listen("click", "[data-print]", () => window.print());
