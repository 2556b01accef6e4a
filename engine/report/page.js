(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const width = 1000;
  const two = (n) => String(n).padStart(2, "0");
  const clock = (s) => {
    s = Math.max(0, Math.floor(s));
    const h = Math.floor(s / 3600);
    return (h ? h + ":" + two(Math.floor(s / 60) % 60) : two(Math.floor(s / 60))) + ":" + two(s % 60);
  };
  const digits = (v, n) => {
    const a = Math.abs(v);
    const places = a === 0 || a >= 100 ? 0 : Math.max(0, n - 1 - Math.floor(Math.log10(a)));
    return v.toLocaleString("en-US", { maximumFractionDigits: Math.min(places, 6) });
  };
  const scaled = (v, units, per) => {
    for (const [size, name] of units) if (Math.abs(v) >= size) return digits(v / size, 3) + name + per;
    const [size, name] = units[units.length - 1];
    return digits(v / size, 3) + name + per;
  };
  const kinds = {
    ms: (v) => scaled(v, [[60000, " min"], [1000, " s"], [1, " ms"], [0.001, " µs"]], ""),
    "/s": (v) => scaled(v, [[1e6, " M"], [1, ""]], "/s"),
    "B/s": (v) => scaled(v, [[1e9, " GB"], [1e6, " MB"], [1e3, " KB"], [1, " B"]], "/s"),
    "%": (v) => digits(v * 100, 3) + " %",
    "": (v) => digits(v, 4),
  };

  // One time span and one cursor for all charts.
  const view = { from: 0, to: data.took };
  let at = -1;
  const begins = (i) => i * data.step;
  const ends = (i) => (i === data.n - 1 ? data.took : (i + 1) * data.step);
  const middle = (i) => (begins(i) + ends(i)) / 2;
  const bin = (t) => Math.min(data.n - 1, Math.max(0, Math.floor(t / data.step)));

  const charts = data.charts.map((c) => {
    const figure = document.querySelector(`figure[data-chart="${c.id}"]`);
    return {
      ...c,
      figure,
      area: figure.querySelector(".area"),
      plot: figure.querySelector("svg.plot"),
      x: figure.querySelector("svg.x"),
      y: figure.querySelector("svg.y"),
      ticks: [...figure.querySelectorAll("svg.y text")],
      grid: figure.querySelector("svg.plot g"),
      rules: [...figure.querySelectorAll("svg.plot g line")],
      cursor: figure.querySelector(".cursor"),
      range: figure.querySelector(".range"),
      outputs: [...figure.querySelectorAll("output")],
    };
  });

  const svg = (name, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
  const relabel = (c) => {
    const length = view.to - view.from;
    const step = steps.find((s) => length / s <= 5) || 86400 * Math.ceil(length / 86400 / 5);
    c.x.replaceChildren();
    for (let t = Math.ceil(view.from / step) * step; t <= view.to; t += step) {
      const share = (t - view.from) / length;
      const text = svg("text", { x: share * 100 + "%", y: "1em", "text-anchor": share < 0.02 ? "start" : share > 0.98 ? "end" : "middle" });
      text.textContent = clock(t);
      c.x.append(text);
    }
  };
  // The round number next above v: 1, 2, 2.5 or 5 times a power of ten.
  const round = (v) => {
    const power = 10 ** Math.floor(Math.log10(v));
    return ([1, 2, 2.5, 5].find((m) => v <= m * power * (1 + 1e-9)) || 10) * power;
  };
  // top stretches a linear axis so that what is in view fills it.
  const top = (c) => {
    const all = view.from <= 0 && view.to >= data.took;
    let high = 0;
    for (const l of c.lines) for (let i = bin(view.from); i <= bin(view.to - data.step / 2); i++) high = Math.max(high, l.values[i] || 0);
    if (all) {
      c.y.replaceChildren(...c.ticks);
      c.grid.replaceChildren(...c.rules);
      return c.high;
    }
    if (!(high > 0)) high = c.high / 1.03;
    const step = round(high / c.size / 4);
    const n = Math.ceil(high / c.size / step - 1e-9);
    const end = n * step * c.size * 1.03;
    c.y.replaceChildren();
    c.grid.replaceChildren();
    for (let i = 0; i <= n; i++) {
      const share = i / n / 1.03;
      const text = svg("text", { x: "100%", y: (1 - share) * 100 + "%", dx: -6, dy: i === 0 ? 0 : share > 0.97 ? "0.72em" : "0.35em" });
      text.textContent = digits(i * step, 6);
      c.y.append(text);
      const y = 200 * (1 - (share * end) / c.high);
      c.grid.append(svg("line", { class: "grid", x1: 0, x2: width, y1: y, y2: y }));
    }
    return end;
  };
  const zoom = (from, to) => {
    const least = Math.min(data.took, 4 * data.step);
    if (to - from < least) {
      const centre = (from + to) / 2;
      [from, to] = [centre - least / 2, centre + least / 2];
    }
    view.from = Math.max(0, Math.min(from, data.took - least));
    view.to = Math.min(data.took, Math.max(to, view.from + least));
    const left = (view.from / data.took) * width;
    const right = (view.to / data.took) * width;
    for (const c of charts) {
      const part = c.high ? top(c) / c.high : 1;
      c.plot.setAttribute("viewBox", `${left} ${200 * (1 - part)} ${right - left} ${200 * part}`);
      relabel(c);
    }
    show(at);
  };
  const show = (i) => {
    at = i;
    const share = i < 0 ? -1 : (middle(i) - view.from) / (view.to - view.from);
    for (const c of charts) {
      c.cursor.hidden = share < 0 || share > 1;
      c.cursor.style.left = share * 100 + "%";
      c.lines.forEach((l, n) => {
        const v = i < 0 ? null : l.values[i];
        c.outputs[n].textContent = v === null || v === undefined ? "" : kinds[c.kind](v);
      });
    }
    time.textContent = i < 0 ? "" : clock(begins(i)) + (data.step > 1 ? "–" + clock(ends(i)) : "");
    time.hidden = i < 0;
  };
  const time = document.createElement("div");
  time.className = "time";
  time.setAttribute("role", "status");
  time.hidden = true;
  document.body.append(time);

  for (const c of charts) {
    const moment = (e) => {
      const box = c.area.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (e.clientX - box.left) / box.width));
      return view.from + share * (view.to - view.from);
    };
    let start = null;
    c.area.addEventListener("pointermove", (e) => {
      const t = moment(e);
      show(bin(t));
      time.style.left = e.clientX + "px";
      time.style.top = c.area.getBoundingClientRect().top + "px";
      if (start === null) return;
      const share = (s) => ((s - view.from) / (view.to - view.from)) * 100;
      c.range.hidden = false;
      c.range.style.left = share(Math.min(start, t)) + "%";
      c.range.style.width = Math.abs(share(t) - share(start)) + "%";
    });
    c.area.addEventListener("pointerdown", (e) => {
      if (e.button !== 0 || e.pointerType === "touch") return;
      start = moment(e);
      c.area.setPointerCapture(e.pointerId);
    });
    const release = (e) => {
      if (start === null) return;
      const from = start;
      start = null;
      c.range.hidden = true;
      if (e.type === "pointerup" && Math.abs(moment(e) - from) > (view.to - view.from) / 50) {
        zoom(Math.min(from, moment(e)), Math.max(from, moment(e)));
      }
    };
    c.area.addEventListener("pointerup", release);
    c.area.addEventListener("pointercancel", release);
    c.area.addEventListener("pointerleave", () => start === null && show(-1));
    c.area.addEventListener("dblclick", () => zoom(0, data.took));
    c.figure.addEventListener("keydown", (e) => {
      if (e.target !== c.figure || e.ctrlKey || e.metaKey || e.altKey) return;
      const first = bin(view.from);
      const last = bin(view.to - data.step / 2);
      const centre = at < 0 ? (view.from + view.to) / 2 : middle(at);
      const length = view.to - view.from;
      const far = e.shiftKey ? 10 : 1;
      const keys = {
        ArrowLeft: () => show(Math.max(first, (at < 0 ? last + 1 : at) - far)),
        ArrowRight: () => show(Math.min(last, (at < 0 ? first - 1 : at) + far)),
        Home: () => show(first),
        End: () => show(last),
        "+": () => zoom(centre - length / 4, centre + length / 4),
        "=": () => zoom(centre - length / 4, centre + length / 4),
        "-": () => zoom(centre - length, centre + length),
        Escape: () => (show(-1), zoom(0, data.took)),
      };
      if (!keys[e.key]) return;
      e.preventDefault();
      keys[e.key]();
      const box = c.area.getBoundingClientRect();
      time.style.left = box.left + (at < 0 ? 0 : ((middle(at) - view.from) / (view.to - view.from)) * box.width) + "px";
      time.style.top = box.top + "px";
    });
    c.figure.addEventListener("blur", () => show(-1));
    // A name in the legend hides its line.
    const drawn = [...c.plot.querySelectorAll(".line")];
    [...c.figure.querySelectorAll(".legend li[data-look]")].forEach((item, n) => {
      const name = document.createElement("button");
      name.type = "button";
      name.setAttribute("aria-pressed", "true");
      name.append(...[...item.childNodes].filter((node) => node.nodeName !== "OUTPUT"));
      name.addEventListener("click", () => {
        const on = name.getAttribute("aria-pressed") === "false";
        name.setAttribute("aria-pressed", String(on));
        drawn[n].style.display = on ? "" : "none";
      });
      item.prepend(name);
    });
  }

  for (const table of document.querySelectorAll("table[data-sort]")) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const numeric = head.classList.contains("n");
        const before = head.getAttribute("aria-sort");
        const down = before ? before === "ascending" : numeric;
        heads.forEach((h) => h.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (row) => {
          const cell = row.cells[column];
          return cell.dataset.v === undefined ? cell.textContent.trim() : Number(cell.dataset.v);
        };
        const rows = [...body.rows].sort((a, b) => {
          const [x, y] = [key(a), key(b)];
          const order = typeof x === "number" ? x - y : x.localeCompare(y);
          return down ? -order : order;
        });
        body.append(...rows);
      });
    });
  }

  const root = document.documentElement;
  const theme = document.getElementById("theme");
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const name = () => (theme.textContent = dark() ? "light" : "dark");
  theme.hidden = false;
  name();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
  theme.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    name();
  });
  const help = document.getElementById("help");
  if (help) help.hidden = false;
  root.dataset.ready = String(charts.length);
})();
