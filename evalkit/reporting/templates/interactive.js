"use strict";
(() => {
  const data = JSON.parse(document.getElementById("points").textContent);
  const svgName = "http://www.w3.org/2000/svg";

  const made = (name, parent, text) => {
    const element = parent.appendChild(document.createElement(name));
    if (text !== undefined) element.textContent = text;
    return element;
  };

  const labelled = (name, parent, text) => {
    const label = made("label", parent, text + " ");
    label.style.cssText = "display:block;font-size:.85rem;margin:.3rem 0";
    const control = made(name, label);
    control.style.maxWidth = "100%";
    return control;
  };

  for (const figure of data.figures) {
    const svg = document.getElementById(figure.stem + "-title").closest("svg");
    const marks = [...svg.querySelectorAll('[id^="' + figure.stem + '-points_"] use')];
    const x = mark => Number(mark.getAttribute("x"));
    marks.sort((a, b) => x(a) - x(b));
    if (marks.length !== figure.points.length) continue;

    const box = made("div", svg.parentElement);
    let chosen = marks.map((_, i) => i);
    const slider = labelled("input", box, data.words.point);
    Object.assign(slider, {type: "range", min: 0, max: marks.length - 1, value: 0});
    slider.style.width = "100%";
    const told = made("output", box);
    told.style.cssText = "display:block;min-height:4.5em;font-size:.85rem";
    const ring = svg.appendChild(document.createElementNS(svgName, "circle"));
    for (const [key, value] of Object.entries({r: 6, fill: "none", stroke: "#222222", "stroke-width": 1.5})) {
      ring.setAttribute(key, value);
    }
    ring.setAttribute("visibility", "hidden");
    addEventListener("beforeprint", () => { box.hidden = true; });
    addEventListener("afterprint", () => { box.hidden = false; });

    const show = place => {
      const i = chosen[place];
      slider.value = place;
      told.replaceChildren();
      for (const [text, id] of figure.points[i].told) {
        const part = made("span", told, text);
        if (id) part.dataset.ref = id;
      }
      slider.setAttribute("aria-valuetext", told.textContent);
      for (const end of ["x", "y"]) ring.setAttribute("c" + end, marks[i].getAttribute(end));
      ring.setAttribute("visibility", "visible");
    };

    slider.addEventListener("input", () => show(Number(slider.value)));
    slider.addEventListener("focus", () => show(Number(slider.value)));
    svg.addEventListener("pointermove", event => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      let near = 0;
      chosen.forEach((i, place) => {
        if (Math.abs(x(marks[i]) - at.x) < Math.abs(x(marks[chosen[near]]) - at.x)) near = place;
      });
      show(near);
    });

    if (figure.choices.length) {
      const select = labelled("select", box, data.words.filter);
      made("option", select, data.words.all);
      for (const choice of figure.choices) made("option", select, choice);
      select.addEventListener("change", () => {
        const wanted = select.selectedIndex - 1;
        const fits = i => wanted < 0 || figure.points[i].choices.includes(wanted);
        chosen = marks.map((_, i) => i).filter(fits);
        marks.forEach((mark, i) => { mark.style.opacity = fits(i) ? 1 : 0.08; });
        slider.max = chosen.length - 1;
        show(0);
      });
    }
  }
})();
