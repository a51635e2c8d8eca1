
"use strict";
// Sessions over time: a lane each, connections as bars, violations as arrows from where something was
// claimed to who received it. It is drawn anew whenever what is shown changes.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const MOST_ARROWS = 300;
  const MOST_LANES = { concerned: 40, all: 800 };
  const AXIS = 26;

  function svg(name, attributes = {}, children = []) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    for (const child of children) made.append(child);
    return made;
  }
  function html(name, properties = {}, children = []) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }
  const title = (text) => svg("title", {}, [text]);
  const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

  /** Between two marks of the axis: 1, 2 or 5 times a power of ten. */
  function tick(length, most) {
    const rough = length / Math.max(most, 1);
    const power = 10 ** Math.floor(Math.log10(rough));
    return [1, 2, 5, 10].map((times) => times * power).find((step) => step >= rough) ?? power;
  }

  class Picture {
    constructor(figure, number) {
      this.data = JSON.parse(figure.querySelector("script").textContent);
      this.prefix = figure.dataset.prefix;
      this.number = number;
      this.whole = [0, Math.max(this.data.end, 0.001)];
      this.time = this.whole;
      this.current = null;
      this.every = html("input", { type: "checkbox" });
      this.told = html("span", { className: "fine" });
      this.box = html("div", { className: "picture", tabIndex: 0 });
      this.box.setAttribute("role", "group");
      this.box.setAttribute("aria-label", "Sessions over time");
      const button = (text, label, act) => {
        const made = html("button", { type: "button", textContent: text });
        made.setAttribute("aria-label", label);
        made.addEventListener("click", act);
        return made;
      };
      this.every.addEventListener("change", () => this.draw());
      const tools = html("div", { className: "lane-tools" }, [
        html("label", {}, [this.every, `all ${this.data.lanes.length} lanes`]),
        button("−", "Show more time", () => this.zoom(2)),
        button("+", "Show less time", () => this.zoom(0.5)),
        button("←", "Earlier", () => this.shift(-0.4)),
        button("→", "Later", () => this.shift(0.4)),
        button("whole", "Show the whole time", () => this.show(this.whole)),
        ...(this.data.violations.length > 0 ? [button("violations", "Show the time of the violations", () => this.showShown())] : []),
        this.told,
      ]);
      const legend = html("p", { className: "legend" }, [
        "Bars are connections. Dots are frames of the evidence. An arrow leads from where something was claimed to the session that received it; a ring stands for one whose beginning is not drawn. Hatched: frames are missing. Drag to look closer.",
      ]);
      figure.append(tools, this.box, legend);
      // The scale stays in sight where the lanes are scrolled.
      this.box.addEventListener("scroll", () => this.scale?.setAttribute("transform", `translate(0,${this.box.scrollTop})`));
      this.drag();
      new ResizeObserver(() => this.draw()).observe(this.box);
    }

    show([from, to]) {
      const [start, end] = this.whole;
      const length = Math.min(Math.max(to - from, 1e-5), end - start);
      const begin = Math.min(Math.max(from, start), end - length);
      this.time = [begin, begin + length];
      this.draw();
    }
    zoom(by) {
      const [from, to] = this.time;
      const middle = (from + to) / 2;
      const half = ((to - from) / 2) * by;
      this.show([middle - half, middle + half]);
    }
    shift(by) {
      const [from, to] = this.time;
      const far = (to - from) * by;
      this.show([from + far, to + far]);
    }

    /** The violations that the filters leave. */
    shown() {
      return this.data.violations.filter((one) => {
        const element = document.getElementById(`${this.prefix}v${one.id}`);
        return element && !element.hidden;
      });
    }

    /** The lanes that are drawn, by their number: those that are concerned, unless all are asked for. */
    lanes(shown) {
      const numbers = this.data.lanes.map((_, number) => number);
      const lanesOf = (one) => [one.from, one.to, ...one.frames].filter(Boolean).map((point) => point.lane);
      const concerned = new Set(shown.flatMap(lanesOf));
      const wanted = this.every.checked || concerned.size === 0 ? numbers : numbers.filter((number) => concerned.has(number));
      const most = this.every.checked ? MOST_LANES.all : MOST_LANES.concerned;
      // Whole violations first, the current one before all: an arrow needs both its ends.
      const now = shown.find((one) => one.id === this.current);
      const kept = new Set();
      for (const one of now ? [now, ...shown] : shown) {
        const own = new Set(lanesOf(one).filter((lane) => !kept.has(lane)));
        if (kept.size + own.size <= most || one === now) for (const lane of own) kept.add(lane);
      }
      for (const number of wanted) if (kept.size < most) kept.add(number);
      return { kept: wanted.filter((number) => kept.has(number)), left: wanted.length - kept.size };
    }

    /** The time of all violations that are shown; with something around it. */
    showShown() {
      const times = this.shown().flatMap((one) => [one.from, one.to, ...one.frames]).filter(Boolean).map((point) => point.at);
      if (times.length === 0) return;
      const [from, to] = times.reduce(([low, high], at) => [Math.min(low, at), Math.max(high, at)], [Infinity, -Infinity]);
      const around = Math.max((to - from) * 0.05, 0.001);
      this.show([from - around, to + around]);
    }

    x(at) {
      const [from, to] = this.time;
      return this.left + ((at - from) / (to - from)) * (this.width - this.left - 14);
    }
    inside(at) {
      return at >= this.time[0] && at <= this.time[1];
    }

    draw() {
      this.width = this.box.clientWidth;
      if (this.width < 60) return;
      const narrow = this.width < 560;
      this.left = narrow ? 10 : 190;
      const height = narrow ? 46 : 38;
      const shown = this.shown();
      const { kept, left } = this.lanes(shown);
      const y = new Map(kept.map((number, at) => [number, AXIS + at * height + (narrow ? 32 : height / 2)]));
      const bottom = AXIS + kept.length * height + 8;
      const hatch = `hatch-${this.number}`;
      const pattern = svg("pattern", { id: hatch, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, [
        svg("line", { class: "hatch", x1: 0, y1: 0, x2: 0, y2: 6 }),
      ]);
      const axis = this.axis(bottom);
      const parts = [svg("defs", {}, [pattern]), axis.lines];
      kept.forEach((number, at) => parts.push(this.lane(this.data.lanes[number], AXIS + at * height, y.get(number), narrow, height)));
      for (const gap of this.data.gaps) parts.push(...this.gap(gap, y, bottom, `url(#${hatch})`));
      const arrows = shown.slice(0, MOST_ARROWS);
      const now = shown.find((one) => one.id === this.current);
      if (now && !arrows.includes(now)) arrows.push(now);
      const marks = svg("g", { class: now ? "has-current" : "" });
      for (const one of arrows) if (one !== now) marks.append(this.leak(one, y, false));
      if (now) marks.append(this.leak(now, y, true));
      this.scale = axis.scale;
      this.scale.setAttribute("transform", `translate(0,${this.box.scrollTop})`);
      parts.push(marks, this.scale);
      const label = `${kept.length} sessions from ${this.time[0].toFixed(3)} to ${this.time[1].toFixed(3)} seconds, ${arrows.length} violations; the list of violations tells them in words`;
      this.drawn = svg("svg", { viewBox: `0 0 ${this.width} ${bottom}`, height: bottom, role: "img", "aria-label": label }, parts);
      this.box.replaceChildren(this.drawn);
      const hidden = left + (this.every.checked ? this.data.left_lanes : 0);
      const notes = [];
      if (hidden > 0) notes.push(`+${hidden} more lanes`);
      if (shown.length > arrows.length) notes.push(`+${shown.length - arrows.length} more arrows`);
      if (this.data.left_spans > 0) notes.push(`+${this.data.left_spans} more connections`);
      this.told.textContent = notes.length > 0 ? `not drawn: ${notes.join(", ")}` : "";
    }

    axis(bottom) {
      const [from, to] = this.time;
      const step = tick(to - from, (this.width - this.left) / 90);
      const digits = Math.min(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)), 6);
      const lines = [];
      const texts = [svg("rect", { class: "axis-back", x: 0, y: 0, width: this.width, height: AXIS - 6 })];
      for (let n = Math.ceil(from / step); n * step <= to; n += 1) {
        const x = this.x(n * step);
        lines.push(svg("line", { x1: x, x2: x, y1: AXIS - 6, y2: bottom }));
        const anchor = x > this.width - 40 ? "end" : x < this.left + 12 ? "start" : "middle";
        texts.push(svg("text", { x, y: 14, "text-anchor": anchor }, [`${(n * step).toFixed(digits)} s`]));
      }
      return { lines: svg("g", { class: "axis" }, lines), scale: svg("g", { class: "axis" }, texts) };
    }

    lane(lane, top, y, narrow, height) {
      const room = narrow ? Math.floor((this.width - 20) / 8) : 23;
      const parts = [svg("line", { class: "row", x1: 0, x2: this.width, y1: top + height, y2: top + height })];
      if (narrow) {
        const about = lane.about ? `  ${lane.about}` : "";
        const name = short(lane.name, Math.max(room - about.length, 12));
        parts.push(svg("text", { class: "lane-name", x: this.left, y: top + 17 }, [name, svg("tspan", { class: "lane-about" }, [about])]));
      } else {
        parts.push(svg("text", { class: "lane-name", x: 10, y: lane.about ? y - 2 : y + 4 }, [short(lane.name, room)]));
        if (lane.about) parts.push(svg("text", { class: "lane-about", x: 10, y: y + 12 }, [short(lane.about, 29)]));
      }
      for (const span of lane.spans) {
        const from = Math.max(span.from, this.time[0]);
        const to = Math.min(span.to, this.time[1]);
        if (to < from) continue;
        const width = Math.max(this.x(to) - this.x(from), 2);
        const kind = span.accepted ? "span" : "span refused";
        parts.push(svg("rect", { class: kind, x: this.x(from), y: y - 4, width, height: 8, rx: 2 }, [title(span.name)]));
      }
      return svg("g", {}, [title(`${lane.name} ${lane.about}`), ...parts]);
    }

    gap(gap, y, bottom, fill) {
      const from = Math.max(gap.from, this.time[0]);
      const to = Math.min(gap.to, this.time[1]);
      if (to < from) return [];
      const width = Math.max(this.x(to) - this.x(from), 5);
      const area = (top, height) => svg("rect", { class: "gap", fill, x: this.x(from), y: top, width, height }, [title(gap.why)]);
      if (gap.lanes === null) return [area(AXIS, bottom - AXIS)];
      return gap.lanes.filter((lane) => y.has(lane)).map((lane) => area(y.get(lane) - 11, 22));
    }

    leak(one, y, isCurrent) {
      const known = one.known ? " known" : "";
      const { from, to } = one;
      const name = (point) => (point ? this.data.lanes[point.lane].name : "");
      const way = from && to ? `, from ${name(from)} to ${name(to)}` : "";
      const group = svg("g", { class: isCurrent ? "violation-mark current" : "violation-mark" }, [title(`${one.rule}: ${to?.name ?? ""}${way}`)]);
      const there = (point) => point && y.has(point.lane);
      if (there(from) && there(to) && (this.inside(from.at) || this.inside(to.at))) {
        const clamp = (at) => Math.min(Math.max(this.x(at), this.left), this.width - 4);
        const [x1, y1, x2, y2] = [clamp(from.at), y.get(from.lane), clamp(to.at), y.get(to.lane)];
        const down = y2 === y1 ? 0 : Math.sign(y2 - y1);
        const tip = y2 - down * 5;
        const bend = down === 0 ? y1 - 18 : (y1 + tip) / 2;
        // Arrows that stand upright in one place would lie on each other: the longer, the wider its bow.
        const bow = down !== 0 && Math.abs(x2 - x1) < 24 ? Math.min(8 + Math.abs(y2 - y1) / 8, 60) : 0;
        const aside = Math.min(bow, this.width - 6 - Math.max(x1, x2));
        group.append(svg("path", { class: `leak${known}`, "data-from": name(from), "data-to": name(to), d: `M${x1},${y1} C${x1 + aside},${bend} ${x2 + aside},${bend} ${x2},${tip - down * 6}` }));
        const point = down || 1;
        group.append(svg("path", { class: `head${known}`, d: `M${x2},${tip} l-4,${-7 * point} h8 z` }));
      } else if (there(to) && this.inside(to.at)) {
        group.append(svg("circle", { class: `leak${known}`, cx: this.x(to.at), cy: y.get(to.lane), r: 7 }));
      }
      for (const frame of one.frames) {
        if (!there(frame) || !this.inside(frame.at)) continue;
        group.append(svg("circle", { class: "frame", cx: this.x(frame.at), cy: y.get(frame.lane), r: 3.5 }, [title(frame.name)]));
      }
      group.addEventListener("click", () => {
        document.dispatchEvent(new CustomEvent("page:go", { detail: `${this.prefix}v${one.id}` }));
      });
      return group;
    }

    /** A range of time is chosen by dragging; a click alone chooses none. */
    drag() {
      let begun = null;
      let rect = null;
      const place = (event) => {
        const x = event.clientX - this.box.getBoundingClientRect().left;
        return Math.min(Math.max(x, this.left), this.width - 14);
      };
      const time = (x) => {
        const [from, to] = this.time;
        return from + ((x - this.left) / (this.width - this.left - 14)) * (to - from);
      };
      this.box.addEventListener("pointerdown", (event) => { if (event.button === 0 && event.pointerType === "mouse") begun = place(event); });
      this.box.addEventListener("pointermove", (event) => {
        if (begun === null) return;
        const x = place(event);
        if (rect === null && Math.abs(x - begun) < 6) return;
        if (rect === null) {
          rect = svg("rect", { class: "chosen", y: 0, height: "100%" });
          this.drawn.append(rect);
        }
        rect.setAttribute("x", Math.min(x, begun));
        rect.setAttribute("width", Math.abs(x - begun));
      });
      addEventListener("pointerup", (event) => {
        if (begun !== null && rect !== null) this.show([begun, place(event)].sort((a, b) => a - b).map(time));
        begun = null;
        rect = null;
      });
    }

    select(id) {
      const own = id !== null && id.startsWith(`${this.prefix}v`) ? Number(id.slice(this.prefix.length + 1)) : null;
      if (own === this.current) return;
      this.current = own;
      this.draw();
    }

    /** The time of the current violation; where that is shown already, all of it. */
    zoomToCurrent() {
      const one = this.data.violations.find((it) => it.id === this.current);
      if (!one) return;
      const times = [one.from, one.to, ...one.frames].filter(Boolean).map((point) => point.at);
      if (times.length === 0) return;
      const [from, to] = [Math.min(...times), Math.max(...times)];
      const around = Math.max((to - from) * 0.25, 0.001);
      const near = [from - around, to + around];
      const isNear = this.zoomed === this.current && this.time !== this.whole && this.time[1] - this.time[0] <= near[1] - near[0] + 1e-9;
      this.zoomed = this.current;
      this.show(isNear ? this.whole : near);
      // It may be far above the violation that was read.
      this.box.closest("figure").scrollIntoView({ block: "nearest" });
    }
  }

  // A picture is made when its history is opened: there may be many.
  const pictures = new Map();
  const make = (figure, number) => {
    if (!pictures.has(figure)) pictures.set(figure, new Picture(figure, number));
  };
  document.querySelectorAll(".lanes figure").forEach((figure, number) => {
    const history = figure.closest(".history");
    if (history && !history.open) history.addEventListener("toggle", () => make(figure, number), { once: true });
    else make(figure, number);
  });
  const each = (act) => { for (const picture of pictures.values()) act(picture); };
  document.addEventListener("page:changed", () => each((it) => it.draw()));
  document.addEventListener("page:current", (event) => each((it) => it.select(event.detail)));
  document.addEventListener("page:zoom", () => each((it) => it.zoomToCurrent()));
})();
