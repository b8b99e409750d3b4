"use strict";
// Draws the charts of a newswake report from the page's own data block. Foreign text is only ever
// set as text content, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const tip = document.getElementById("tip");
  const PAPER = { top: 8, right: 14, bottom: 24, left: 46 };

  // ---- small tools -------------------------------------------------------------------------
  const svg = (parent, tag, attributes = {}, text = null) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== null) made.textContent = text;
    parent.append(made);
    return made;
  };
  const element = (parent, tag, className = "", text = "") => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text) made.textContent = text;
    parent.append(made);
    return made;
  };
  const minus = (text) => text.replace("-", "−");
  const number = (value, places = 0) =>
    minus((Math.abs(value) < 0.5 * 10 ** -places ? 0 : value).toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places }));
  const signed = (value, places) => (value > 0 ? "+" : "") + number(value, places);
  const scale = (from, to, low, high) => (value) => low + ((value - from) / (to - from || 1)) * (high - low);

  const ticks = (low, high, count) => {
    const rough = (high - low) / count || 1;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].find((m) => m * power >= rough) * power;
    const found = [];
    for (let at = Math.ceil(low / step); at * step <= high + step * 1e-9; at++) found.push(at * step);
    return { values: found, places: Math.max(0, -Math.floor(Math.log10(step) + 1e-9) + (step / power === 2.5 ? 1 : 0)) };
  };

  // First sessions of years, quarters or months: whichever fits the width.
  const dateTicks = (days, width) => {
    const most = Math.max(2, Math.floor(width / 64));
    for (const months of [1, 3, 6, 12, 24, 60]) {
      const found = [];
      days.forEach((day, i) => {
        const month = +day.slice(0, 4) * 12 + +day.slice(5, 7) - 1;
        if (i && day.slice(0, 7) !== days[i - 1].slice(0, 7) && month % months === 0) found.push([i, day]);
      });
      if (found.length <= most) {
        return found.map(([i, day]) => [i, months >= 12 || day.slice(5, 7) === "01" ? day.slice(0, 4) : day.slice(0, 7)]);
      }
    }
    return [];
  };

  const board = (holder, height) => {
    holder.querySelector(":scope > svg")?.remove();
    const width = Math.max(holder.clientWidth, 240);
    const drawn = svg(holder, "svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img" });
    return { drawn, width, height, inner: width - PAPER.left - PAPER.right };
  };

  const valueAxis = (b, low, high, y, { right, format, count = 5 } = {}) => {
    const { values, places } = ticks(low, high, count);
    for (const value of values) {
      svg(b.drawn, "line", { class: value === 0 ? "zero" : "grid", x1: PAPER.left, x2: right ?? b.width - PAPER.right, y1: y(value), y2: y(value) });
      svg(b.drawn, "text", { x: PAPER.left - 7, y: y(value) + 4, "text-anchor": "end" }, format ? format(value, places) : number(value, places));
    }
  };

  const dateAxis = (b, days, x, bottom) => {
    for (const [i, label] of dateTicks(days, b.inner)) {
      svg(b.drawn, "line", { class: "grid", x1: x(i), x2: x(i), y1: PAPER.top, y2: bottom });
      svg(b.drawn, "text", { x: x(i), y: bottom + 16, "text-anchor": "middle" }, label);
    }
  };

  const showTip = (event, lines) => {
    tip.replaceChildren();
    for (const [className, text] of lines) element(tip, "p", className, text);
    tip.hidden = false;
    const across = Math.min(event.pageX + 16, scrollX + document.documentElement.clientWidth - tip.offsetWidth - 8);
    const below = event.pageY + 18 + tip.offsetHeight < scrollY + innerHeight;
    tip.style.left = `${Math.max(across, scrollX + 8)}px`;
    tip.style.top = `${below ? event.pageY + 18 : Math.max(event.pageY - tip.offsetHeight - 12, scrollY + 4)}px`;
  };

  // A hair line that follows the pointer along the sessions, and what stands there.
  const follow = (b, count, x, bottom, lines) => {
    const cross = svg(b.drawn, "line", { class: "cross", y1: PAPER.top, y2: bottom, visibility: "hidden" });
    const leave = () => { cross.setAttribute("visibility", "hidden"); tip.hidden = true; };
    b.drawn.addEventListener("pointermove", (event) => {
      const box = b.drawn.getBoundingClientRect();
      const at = ((event.clientX - box.left) / box.width) * b.width;
      const i = Math.round(((at - x(0)) / (x(1) - x(0))) || 0);
      if (i < 0 || i >= count) return leave();
      cross.setAttribute("x1", x(i)); cross.setAttribute("x2", x(i)); cross.setAttribute("visibility", "visible");
      showTip(event, lines(i));
    });
    b.drawn.addEventListener("pointerleave", leave);
  };

  const classed = (lines) => {
    let base = 0;
    return lines.map((line) => ({ ...line, className: line.role === "baseline" ? `baseline base${(base++ % 3) + 1}` : line.role }));
  };

  const legend = (holder, lines) => {
    let box = holder.querySelector(".legend");
    if (box) return;
    box = document.createElement("div");
    box.className = "legend";
    for (const line of lines) {
      const item = element(box, "span");
      svg(svg(item, "svg", { viewBox: "0 0 18 8" }), "line", { class: `series ${line.className}`, x1: 0, x2: 18, y1: 4, y2: 4 });
      item.append(line.name);
    }
    holder.prepend(box);
  };

  const path = (values, x, y) => values.map((v, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(v).toFixed(1)}`).join("");

  // ---- lines over sessions -----------------------------------------------------------------
  const lineChart = (holder, days, lines, { height = 300, unit = "", places = 1, area = false } = {}) => {
    if (!lines.length || days.length < 2) return void (holder.textContent = "No session to draw.");
    lines = classed(lines);
    if (lines.length > 1) legend(holder, lines);
    const b = board(holder, height);
    const bottom = height - PAPER.bottom;
    const all = lines.flatMap((line) => line.values);
    let low = Math.min(0, ...all), high = Math.max(0, ...all);
    const room = (high - low || 1) * 0.05;
    low -= low < 0 ? room : 0; high += high > 0 ? room : 0;
    const x = scale(0, days.length - 1, PAPER.left, b.width - PAPER.right);
    const y = scale(low, high, bottom, PAPER.top);
    dateAxis(b, days, x, bottom);
    valueAxis(b, low, high, y, { count: height > 200 ? 6 : 4, format: (v, p) => number(v, p) + unit });
    for (const line of [...lines].reverse()) {
      if (area && line.role === "net") {
        svg(b.drawn, "path", { class: "area", d: `${path(line.values, x, y)}L${x(days.length - 1)} ${y(0)}L${x(0)} ${y(0)}Z` });
      }
      svg(b.drawn, "path", { class: `series ${line.className}`, d: path(line.values, x, y) });
    }
    follow(b, days.length, x, bottom, (i) => [
      ["when", days[i]],
      ...lines.map((line) => ["", `${line.name}: ${signed(line.values[i], places)}${unit}`]),
    ]);
  };

  // ---- the other small charts ---------------------------------------------------------------
  const costChart = (holder) => {
    if (!data.costs.length) return;
    const total = data.costs.reduce((sum, [, hkd]) => sum + hkd, 0);
    const rows = [...data.costs].sort((a, b) => b[1] - a[1]);
    const b = board(holder, rows.length * 24 + 8);
    const left = 128;
    const x = scale(0, rows[0][1], left, b.width - 60);
    rows.forEach(([name, hkd], i) => {
      const y = 4 + i * 24;
      svg(b.drawn, "text", { x: left - 10, y: y + 14, "text-anchor": "end" }, name);
      svg(b.drawn, "rect", { class: "bar", x: left, y: y + 3, width: Math.max(1, x(hkd) - left), height: 14, rx: 2 });
      svg(b.drawn, "text", { x: x(hkd) + 6, y: y + 14 }, `${number((hkd / total) * 100, 1)}%`);
    });
  };

  const calibrationChart = (holder) => {
    const bins = data.calibration;
    if (!bins.length) return void (holder.textContent = "No prediction has a known outcome.");
    const b = board(holder, 250);
    const bottom = 250 - 36;
    const said = bins.map((bin) => bin.mean_probability);
    const low = Math.max(0, Math.min(...said, ...bins.map((bin) => bin.observed_low)) - 0.02);
    const high = Math.min(1, Math.max(...said, ...bins.map((bin) => bin.observed_high)) + 0.02);
    const spread = [Math.max(0, Math.min(...said) - 0.02), Math.min(1, Math.max(...said) + 0.02)];
    const x = scale(...spread, PAPER.left, b.width - PAPER.right);
    const y = scale(low, high, bottom, PAPER.top);
    const percent = (v, p) => number(v * 100, Math.max(0, p - 2));
    valueAxis(b, low, high, y, { format: percent });
    const { values, places } = ticks(...spread, Math.max(2, Math.floor(b.inner / 60)));
    for (const value of values) svg(b.drawn, "text", { x: x(value), y: bottom + 15, "text-anchor": "middle" }, percent(value, places));
    svg(b.drawn, "text", { x: PAPER.left + b.inner / 2, y: bottom + 32, "text-anchor": "middle" }, "said, %");
    const from = Math.max(low, spread[0]), to = Math.min(high, spread[1]);
    svg(b.drawn, "line", { class: "ideal", x1: x(from), y1: y(from), x2: x(to), y2: y(to) });
    for (const bin of bins) {
      const at = x(bin.mean_probability);
      svg(b.drawn, "line", { class: "reach", x1: at, x2: at, y1: y(bin.observed_low), y2: y(bin.observed_high) });
      const dot = svg(b.drawn, "circle", { class: "dot", cx: at, cy: y(bin.observed), r: 4 });
      const wide = svg(b.drawn, "rect", { x: at - 9, y: PAPER.top, width: 18, height: bottom, fill: "transparent" });
      wide.addEventListener("pointermove", (event) => showTip(event, [
        ["when", `said ${percent(bin.mean_probability, 3)}%, happened ${percent(bin.observed, 3)}%`],
        ["more", `${number(bin.n)} predictions; 95%: ${percent(bin.observed_low, 3)} to ${percent(bin.observed_high, 3)}%`],
      ]));
      wide.addEventListener("pointerleave", () => { tip.hidden = true; });
      dot.setAttribute("pointer-events", "none");
    }
  };

  const histogramChart = (holder) => {
    const h = data.histogram;
    if (!h) return void (holder.textContent = "No prediction has a known outcome.");
    legend(holder, [{ name: "rose", className: "net" }, { name: "fell", className: "benchmark" }]);
    const b = board(holder, 228);
    const bottom = 228 - 36;
    const most = Math.max(1, ...h.rose.map((n, i) => n + h.fell[i]));
    const x = scale(h.edges[0], h.edges[h.edges.length - 1], PAPER.left, b.width - PAPER.right);
    const y = scale(0, most * 1.05, bottom, PAPER.top);
    valueAxis(b, 0, most * 1.05, y, { count: 4 });
    h.rose.forEach((rose, i) => {
      const left = x(h.edges[i]) + 0.5, width = Math.max(0.5, x(h.edges[i + 1]) - x(h.edges[i]) - 1);
      svg(b.drawn, "rect", { class: "bar", x: left, width, y: y(rose), height: bottom - y(rose) });
      svg(b.drawn, "rect", { class: "bar fell", x: left, width, y: y(rose + h.fell[i]), height: y(rose) - y(rose + h.fell[i]) });
    });
    const { values, places } = ticks(h.edges[0], h.edges[h.edges.length - 1], Math.max(2, Math.floor(b.inner / 60)));
    for (const value of values) svg(b.drawn, "text", { x: x(value), y: bottom + 15, "text-anchor": "middle" }, number(value * 100, Math.max(0, places - 2)));
    svg(b.drawn, "text", { x: PAPER.left + b.inner / 2, y: bottom + 32, "text-anchor": "middle" }, "probability, %");
  };

  // ---- prices with stories, signals and fills -----------------------------------------------
  const SPANS = [["1 month", 22], ["3 months", 63], ["6 months", 126], ["1 year", 246], ["all", Infinity]];
  const shown = { ticker: 0, first: 0, count: 126 };
  const mark = (b, shape, x, y, size, className) => {
    const d = { up: `M${x} ${y - size}L${x + size} ${y + size}L${x - size} ${y + size}Z`, down: `M${x} ${y + size}L${x + size} ${y - size}L${x - size} ${y - size}Z` }[shape];
    return svg(b.drawn, "path", { class: className, d });
  };

  const priceChart = (holder) => {
    const own = data.prices[shown.ticker];
    if (!own) return void (holder.textContent = "No prices were kept for this run.");
    const count = Math.min(shown.count, own.days.length);
    shown.first = Math.max(0, Math.min(shown.first, own.days.length - count));
    const days = own.days.slice(shown.first, shown.first + count);
    const cut = (name) => own[name].slice(shown.first, shown.first + count);
    const [open, high, low, close] = ["open", "high", "low", "close"].map(cut);
    const height = holder.clientWidth < 520 ? 340 : 420;
    const b = board(holder, height);
    const lane = height - PAPER.bottom - 14, signals = lane - 24, bottom = signals - 14;
    const bottomPrice = Math.min(...low), topPrice = Math.max(...high);
    const room = (topPrice - bottomPrice || 1) * 0.07;
    const x = scale(-0.5, count - 0.5, PAPER.left, b.width - PAPER.right);
    const y = scale(bottomPrice - room, topPrice + room, bottom, PAPER.top);
    dateAxis(b, days, x, lane + 10);
    valueAxis(b, bottomPrice - room, topPrice + room, y, { count: 6 });
    for (const [label, at] of [["signals", signals], ["stories", lane]]) svg(b.drawn, "text", { x: PAPER.left - 7, y: at + 4, "text-anchor": "end" }, label);
    const slot = b.inner / count;
    if (slot >= 4) {
      days.forEach((day, i) => {
        const width = Math.min(11, slot * 0.62), down = close[i] < open[i];
        svg(b.drawn, "line", { class: "candle", x1: x(i), x2: x(i), y1: y(high[i]), y2: y(low[i]) });
        svg(b.drawn, "rect", { class: down ? "candle down" : "candle", x: x(i) - width / 2, width, y: y(Math.max(open[i], close[i])), height: Math.max(1, Math.abs(y(open[i]) - y(close[i]))) });
      });
    } else svg(b.drawn, "path", { class: "series benchmark", d: path(close, x, y) });
    days.forEach((day, i) => {
      const stories = own.stories[day];
      if (stories) {
        const [n, polarity] = stories;
        const tone = polarity === null || polarity === 0 ? "" : polarity > 0 ? " good" : " bad";
        svg(b.drawn, "circle", { class: `story${tone}`, cx: x(i), cy: lane, r: Math.min(2 + Math.sqrt(n), Math.max(2, slot * 0.7), 6.5), opacity: 0.8 });
      }
      for (const [direction] of own.signals[day] ?? []) {
        if (direction) mark(b, direction > 0 ? "up" : "down", x(i), signals, 4, direction > 0 ? "long" : "short");
        else svg(b.drawn, "circle", { class: "none", cx: x(i), cy: signals, r: 1.4 });
      }
      for (const [side, , price] of own.fills[day] ?? []) mark(b, side === "buy" ? "up" : "down", x(i), y(price), 6, side);
    });
    follow(b, count, x, lane + 10, (i) => priceTip(own, days[i], [open[i], high[i], low[i], close[i]]));
  };

  const priceTip = (own, day, [open, high, low, close]) => {
    const lines = [["when", `${own.ticker}  ${day}`], ["more", `open ${open}  high ${high}  low ${low}  close ${close}`]];
    for (const [side, shares, price, trade] of own.fills[day] ?? []) lines.push(["", `${side === "buy" ? "bought" : "sold"} ${number(shares)} at ${price} (trade ${trade})`]);
    for (const [direction, probability, expires] of own.signals[day] ?? []) {
      lines.push(["", `signal ${direction > 0 ? "up" : direction < 0 ? "down" : "none"}, probability ${number(probability * 100, 1)}%, until ${expires}`]);
    }
    const [n, , titles] = own.stories[day] ?? [0, 0, []];
    for (const [title, at, kind, polarity, forward] of titles) {
      lines.push(["story", title]);
      lines.push(["more", `${at} HKT${kind ? ` · ${kind} ${signed(polarity, 1)}` : ""}${forward ? "" : " · not forward"}`]);
    }
    if (n > titles.length) lines.push(["more", `and ${n - titles.length} more`]);
    return lines;
  };

  const priceTools = () => {
    const redraw = () => drawings.get("price")?.();
    const select = document.getElementById("ticker");
    data.prices.forEach((own, i) => {
      const option = element(select, "option", "", own.traded ? `${own.ticker}  (HKD ${number(own.traded)} traded)` : own.ticker);
      option.value = i;
    });
    const toEnd = () => { shown.first = Infinity; };
    const toFills = () => {
      const own = data.prices[shown.ticker];
      const last = Object.keys(own?.fills ?? {}).sort().pop();
      shown.first = last ? own.days.indexOf(last) - Math.floor(Math.min(shown.count, own.days.length) * 0.85) : Infinity;
    };
    select.addEventListener("change", () => { shown.ticker = +select.value; toFills(); redraw(); });
    const spans = document.querySelector(".spans"), steps = document.querySelector(".steps");
    const press = () => [...spans.children].forEach((button, i) => button.setAttribute("aria-pressed", SPANS[i][1] === shown.count));
    for (const [label, count] of SPANS) {
      element(spans, "button", "", label).addEventListener("click", () => {
        const end = shown.first + Math.min(shown.count, data.prices[shown.ticker]?.days.length ?? 0);
        shown.count = count; shown.first = end - count; press(); redraw();
      });
    }
    for (const [label, share] of [["← earlier", -0.8], ["later →", 0.8]]) {
      element(steps, "button", "", label).addEventListener("click", () => { shown.first += Math.round(share * Math.min(shown.count, 1e6)); redraw(); });
    }
    document.querySelector(".key").textContent =
      "On the price: ▲ bought, ▼ sold. Signals: ▲ up, ▼ down, · none, at the session whose open they could reach. "
      + "Stories: larger is more, green good news and orange bad, gray neither or not forward news; placed at the first session they could be acted on.";
    press(); if (data.prices.length) toFills(); else toEnd();
    document.querySelectorAll("#trades tbody tr").forEach((row) => row.addEventListener("click", () => {
      const i = data.prices.findIndex((own) => own.ticker === row.cells[1].textContent);
      if (i < 0) return;
      shown.ticker = i; select.value = i;
      shown.count = Math.min(shown.count, 126); press();
      shown.first = data.prices[i].days.indexOf(row.cells[2].textContent) - Math.floor(shown.count / 2);
      redraw();
      document.getElementById("prices").scrollIntoView({ behavior: "smooth" });
    }));
  };

  // ---- tables that sort ---------------------------------------------------------------------
  const key = (text) => {
    const plain = text.replace("−", "-").replace(/[,%+\s]/g, "");
    return plain !== "" && !isNaN(plain) ? +plain : null;
  };
  document.querySelectorAll("table.sortable thead th").forEach((head) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const body = head.closest("table").tBodies[0];
      const up = head.getAttribute("aria-sort") === "descending";
      const at = head.cellIndex;
      const rows = [...body.rows].sort((a, b) => {
        const [left, right] = [a.cells[at].textContent, b.cells[at].textContent];
        const [m, n] = [key(left), key(right)];
        const order = m !== null && n !== null ? m - n : m !== null ? 1 : n !== null ? -1 : left.localeCompare(right);
        return up ? order : -order;
      });
      head.parentNode.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      body.append(...rows);
    });
  });

  // ---- draw, and draw again where the width changes -------------------------------------------
  const drawings = new Map();
  const charts = {
    equity: (h) => lineChart(h, data.sessions, data.equity, { unit: "%" }),
    drawdown: (h) => lineChart(h, data.sessions, data.drawdown, { height: 150, unit: "%", area: true }),
    costs: costChart,
    calibration: calibrationChart,
    histogram: histogramChart,
    ic: (h) => (data.ic ? lineChart(h, data.ic.sessions, data.ic.lines, { height: 228, places: 2 }) : void (h.textContent = "No session to draw.")),
    price: priceChart,
  };
  document.querySelectorAll("[data-chart]").forEach((holder) => {
    const draw = () => charts[holder.dataset.chart](holder);
    drawings.set(holder.dataset.chart, draw);
  });
  priceTools();
  let width = 0;
  const drawAll = () => {
    if (width === document.documentElement.clientWidth) return;
    width = document.documentElement.clientWidth;
    drawings.forEach((draw) => draw());
  };
  drawAll();
  addEventListener("resize", drawAll);
})();
