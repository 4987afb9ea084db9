"use strict";
// Draws the run that is packed in #data. Whatever comes from the app under test becomes text nodes, canvas text
// or option values: this file never makes markup of data.
(async () => {
  const $ = (id) => document.getElementById(id);
  const element = (tag, text = "", cls = "") => Object.assign(document.createElement(tag), { textContent: text, className: cls });

  async function unpacked() {
    const raw = atob($("data").textContent.trim());
    const bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }

  let D;
  try {
    D = await unpacked();
  } catch (error) {
    $("count").textContent = `The timeline could not be read (${error.message}); it needs a browser of 2023 or newer.`;
    return;
  }
  const N = D.at.length;
  const at = new Float64Array(N);
  for (let i = 0, t = 0; i < N; i += 1) at[i] = t += D.at[i];
  const { lanes, spans, arcs, bands, marks } = D.scene;
  const taskName = (k) => (k < 0 || D.name_of[k] < 0 ? "" : D.names[D.name_of[k]]);
  const tierOf = (k) => (k < 0 || D.name_of[k] < 0 ? "" : D.tiers[D.name_of[k]]);
  const seconds = (ms) => `${(ms / 1000).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })} s`;
  const detail = (i) => D.details[D.detail[i]];
  const end = N ? Math.max(at[N - 1], 1) : 1;

  // ---- time: three clocks ------------------------------------------------------------------------------
  function shortened() { // what passes without an event is shown by its logarithm
    const from = [0], to = [0];
    let x = 0;
    for (let i = 0, last = 0; i < N; i += 1) {
      const gap = at[i] - last;
      if (gap <= 0) continue;
      x += gap <= 1000 ? gap : 1000 * (1 + Math.log(gap / 1000));
      from.push(last = at[i]);
      to.push(x);
    }
    return [from, to];
  }
  function real() { // pairs that the harness noted, in order
    const pairs = D.real.map(([a, b]) => [a * 1000, b * 1000]).sort((a, b) => a[0] - b[0]);
    const from = [0], to = [0];
    for (const [a, b] of pairs) if (a > from[from.length - 1]) { from.push(a); to.push(Math.max(b, to[to.length - 1])); }
    if (from[from.length - 1] < end) { from.push(end); to.push(to[to.length - 1] + 1); }
    return [from, to];
  }
  function piecewise([from, to]) {
    const place = (list, v) => {
      let low = 0, high = list.length - 1;
      while (low < high) { const mid = (low + high + 1) >> 1; if (list[mid] <= v) low = mid; else high = mid - 1; }
      return low;
    };
    const along = (a, b, v) => {
      const i = Math.min(place(a, v), a.length - 2);
      if (i < 0) return v;
      const width = a[i + 1] - a[i];
      return width > 0 ? b[i] + ((v - a[i]) / width) * (b[i + 1] - b[i]) : b[i];
    };
    return { to: (t) => along(from, to, t), back: (x) => along(to, from, x), end: to[to.length - 1] };
  }
  const clocks = { stage: { to: (t) => t, back: (x) => x, end }, short: piecewise(shortened()) };
  if (D.real.length > 1) {
    clocks.real = piecewise(real());
    $("axis").append(Object.assign(element("option", "the real clock"), { value: "real" }));
  }
  let clock = clocks.short;
  const realOf = (t) => (clocks.real ? `, ${seconds(clocks.real.to(t))} of real time` : "");

  // ---- lanes -------------------------------------------------------------------------------------------
  const HEIGHTS = { queue: 26, worker: 15, child: 16, fault: 15, letter: 16, alert: 16, effect: 16, clock: 14 };
  const KINDS = { queue: "queue", worker: "worker", child: "", fault: "fault", letter: "dead letters", alert: "alert", effect: "effect", clock: "clock" };
  const GUTTER = 232, AXIS = 24;
  const tops = [];
  let height = AXIS;
  lanes.forEach(([kind], i) => {
    if (kind === "queue" && i) height += 7;
    if (["letter", "alert", "effect"].includes(kind) && lanes[i - 1] && lanes[i - 1][0] !== kind) height += 5;
    tops.push(height);
    height += HEIGHTS[kind] || 15;
  });
  height += 8;
  const deepest = D.scene.depths.map(([, steps]) => steps.reduce((most, [, n]) => Math.max(most, n), 1));

  // ---- state -------------------------------------------------------------------------------------------
  const canvas = $("stage"), ink = canvas.getContext("2d"), tip = $("tip");
  let view = null, chosenTask = -1, chosenSpan = -1, shownEvents = new Int32Array(0), shownRows = 0, wanted = null;
  let mapped = null;
  function remap() {
    mapped = {
      spans: Float64Array.from(spans.flatMap((s) => [clock.to(s[1]), clock.to(s[2])])),
      arcs: Float64Array.from(arcs.flatMap((a) => [clock.to(a[2]), clock.to(a[3])])),
      marks: Float64Array.from(marks, (m) => clock.to(m[1])),
      depths: D.scene.depths.map(([, steps]) => Float64Array.from(steps, ([t]) => clock.to(t))),
    };
    whole();
  }
  function whole() { const pad = clock.end * 0.01; view = [-pad, clock.end + pad]; }

  // ---- drawing -----------------------------------------------------------------------------------------
  let colors = {};
  function readColors() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["ink", "soft", "line", "stripe", "paper", "succeeded", "retried", "failed", "lost", "open", "other", "envelope", "fault", "depth", "chosen", "bad", "good", "doubt"]) colors[name] = style.getPropertyValue(`--${name}`).trim();
  }
  const tone = (outcome) => colors[{ succeeded: "succeeded", retried: "retried", failed: "failed", lost: "lost", open: "open", left: "open" }[outcome] || "other"];
  const MARKS = { "worker-ready": ["▸", "good"], "worker-lost": ["✕", "bad"], "worker-stopped": ["▪", "soft"], "child-lost": ["✕", "lost"], effect: ["•", "ink"], "dead-lettered": ["◆", "retried"], "alert-sent": ["✉", "ink"], "clock-bent": ["!", "doubt"] };
  const passes = (k) => wanted === null || (k >= 0 && wanted[k] === 1);
  let queued = false;
  function redraw() { if (!queued) { queued = true; requestAnimationFrame(() => { queued = false; draw(); }); } }

  function draw() {
    const width = canvas.clientWidth, ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.style.height = `${height}px`;
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    ink.clearRect(0, 0, width, height);
    const scale = (width - GUTTER) / (view[1] - view[0]);
    const X = (x) => GUTTER + (x - view[0]) * scale;
    const seen = (a, b) => b >= view[0] && a <= view[1];
    drawAxis(width, X);
    ink.save();
    ink.beginPath();
    ink.rect(GUTTER, 0, width - GUTTER, height);
    ink.clip();
    drawBands(X, seen);
    drawDepths(X, width);
    drawLives(X, seen);
    drawArcs(X, seen, scale);
    drawSpans(X, seen);
    drawMarks(X, seen);
    ink.restore();
    drawNames();
  }
  function drawAxis(width, X) {
    ink.font = "11px system-ui, sans-serif";
    lanes.forEach(([kind], i) => { if (kind === "queue") { ink.fillStyle = colors.stripe; ink.fillRect(0, tops[i], width, HEIGHTS.queue); } });
    const count = Math.max(2, Math.floor((width - GUTTER) / 110));
    ink.strokeStyle = colors.line;
    ink.fillStyle = colors.soft;
    ink.lineWidth = 1;
    ink.textBaseline = "middle";
    for (let i = 0; i <= count; i += 1) {
      const x = view[0] + ((view[1] - view[0]) * (i + 0.25)) / count;
      if (x < 0 || x > clock.end) continue;
      const px = Math.round(X(x)) + 0.5;
      ink.beginPath(); ink.moveTo(px, AXIS - 4); ink.lineTo(px, height); ink.stroke();
      const fine = clock.back(view[0] + (view[1] - view[0]) * 0.6) - clock.back(view[0] + (view[1] - view[0]) * 0.4) < 60000;
      const t = clock === clocks.real ? x : clock.back(x);
      ink.fillText(fine ? seconds(t) : clockText(t), px + 4, 10);
    }
  }
  function clockText(ms) {
    const s = Math.max(0, Math.round(ms / 1000));
    const two = (n) => String(n).padStart(2, "0");
    return s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))}:${two(s % 60)} h` : `${Math.floor(s / 60)}:${two(s % 60)} min`;
  }
  function drawBands(X, seen) {
    for (const [lane, a, b, name] of bands) {
      const from = clock.to(a), to = clock.to(b);
      if (!seen(from, to)) continue;
      const x = X(from), w = Math.max(1.5, X(to) - x);
      ink.fillStyle = colors.fault;
      if (!name.startsWith("body_")) { ink.globalAlpha = 0.1; ink.fillRect(x, AXIS, w, height - AXIS); }
      ink.globalAlpha = name.startsWith("body_") ? 0.55 : 0.85;
      ink.fillRect(x, tops[lane] + 3, w, HEIGHTS.fault - 6);
      ink.globalAlpha = 1;
    }
  }
  function drawDepths(X, width) {
    D.scene.depths.forEach(([lane, steps], q) => {
      const low = tops[lane] + HEIGHTS.queue - 2, tall = HEIGHTS.queue - 6, xs = mapped.depths[q];
      ink.fillStyle = colors.depth;
      ink.globalAlpha = 0.75;
      let i = 0, high = xs.length;
      while (i < high) { const mid = (i + high) >> 1; if (xs[mid] < view[0]) i = mid + 1; else high = mid; }
      for (i = Math.max(0, i - 1); i < xs.length && xs[i] <= view[1];) {
        const x = X(xs[i]);
        let n = steps[i][1], j = i + 1;
        while (j < xs.length && X(xs[j]) - x < 1) { n = Math.max(n, steps[j][1]); j += 1; } // one pixel: its highest
        const to = j < xs.length ? X(xs[j]) : width;
        const bar = (from, until, count) => { if (count > 0) { const h = Math.max(1.5, (tall * count) / deepest[q]); ink.fillRect(from, low - h, Math.max(1, until - from), h); } };
        const last = steps[j - 1][1];
        bar(x, n === last ? to : x + 1, n);
        if (n !== last) bar(x + 1, to, last);
        i = j;
      }
      ink.globalAlpha = 1;
    });
  }
  const workerLives = (() => { // from ready to lost or stopped
    const found = [], open = new Map();
    for (const [lane, t, kind] of marks) {
      if (kind === "worker-ready") open.set(lane, t);
      else if (kind === "worker-lost" || kind === "worker-stopped") { if (open.has(lane)) found.push([lane, open.get(lane), t]); open.delete(lane); }
    }
    for (const [lane, t] of open) found.push([lane, t, end]);
    return found;
  })();
  function drawLives(X, seen) {
    ink.fillStyle = colors.open;
    ink.globalAlpha = 0.35;
    for (const [lane, a, b] of workerLives) {
      const from = clock.to(a), to = clock.to(b);
      if (seen(from, to)) ink.fillRect(X(from), tops[lane] + 6, Math.max(1, X(to) - X(from)), 4);
    }
    ink.globalAlpha = 1;
  }
  const middle = (lane) => tops[lane] + (HEIGHTS[lanes[lane][0]] || 15) / 2;
  function drawArcs(X, seen, scale) {
    for (const strong of [false, true]) {
      for (let i = 0; i < arcs.length; i += 1) {
        const [lane, toLane, from, , task, low, high] = arcs[i];
        const a = mapped.arcs[2 * i], b = mapped.arcs[2 * i + 1];
        if ((task === chosenTask) !== strong || !seen(a, b) || !passes(task)) continue;
        const x1 = X(a), x2 = X(b);
        if (!strong && (b - a) * scale < 3) continue;
        const y1 = middle(lane), y2 = middle(toLane);
        if (low !== null && (strong || (wanted !== null && arcs.length < 4000))) {
          const e1 = X(clock.to(from + low * 1000)), e2 = X(clock.to(from + high * 1000));
          ink.strokeStyle = ink.fillStyle = colors.envelope;
          ink.globalAlpha = strong ? 0.28 : 0.1;
          ink.fillRect(e1, y2 - 9, Math.max(2, e2 - e1), 18);
          ink.globalAlpha = strong ? 1 : 0.4;
          ink.strokeRect(e1 + 0.5, y2 - 9, Math.max(2, e2 - e1), 18);
        }
        ink.strokeStyle = strong ? colors.chosen : colors.retried;
        ink.globalAlpha = strong ? 1 : 0.22;
        ink.lineWidth = strong ? 1.6 : 1;
        ink.beginPath();
        ink.moveTo(x1, y1);
        const lift = Math.min(30, 6 + (x2 - x1) / 12);
        ink.bezierCurveTo(x1 + (x2 - x1) * 0.25, y1 - lift, x2 - (x2 - x1) * 0.25, y2 - lift, x2, y2);
        ink.stroke();
        if (strong) { ink.fillStyle = colors.chosen; ink.beginPath(); ink.moveTo(x2, y2); ink.lineTo(x2 - 6, y2 - 5); ink.lineTo(x2 - 1, y2 - 7); ink.fill(); }
      }
    }
    ink.globalAlpha = 1;
    ink.lineWidth = 1;
  }
  function drawSpans(X, seen) {
    const filled = new Float64Array(lanes.length).fill(-1);
    for (let i = 0; i < spans.length; i += 1) {
      const a = mapped.spans[2 * i], b = mapped.spans[2 * i + 1];
      if (!seen(a, b)) continue;
      const s = spans[i], x = X(a), w = Math.max(2, X(b) - x), shown = passes(s[3]);
      if (w === 2 && shown && s[5] === "succeeded" && x < filled[s[0]] && s[3] !== chosenTask) continue; // already a bar
      filled[s[0]] = x + w;
      ink.globalAlpha = shown ? 1 : 0.12;
      ink.fillStyle = tone(s[5]);
      ink.fillRect(x, tops[s[0]] + 3, w, HEIGHTS.child - 6);
      if (s[3] === chosenTask) { ink.globalAlpha = 1; ink.strokeStyle = colors.chosen; ink.lineWidth = i === chosenSpan ? 2.5 : 1.2; ink.strokeRect(x - 1, tops[s[0]] + 2, w + 2, HEIGHTS.child - 4); ink.lineWidth = 1; }
    }
    ink.globalAlpha = 1;
  }
  function drawMarks(X, seen) {
    ink.font = "12px system-ui, sans-serif";
    ink.textAlign = "center";
    ink.textBaseline = "middle";
    for (let i = 0; i < marks.length; i += 1) {
      const [lane, , kind, event] = marks[i], x = mapped.marks[i];
      if (!seen(x, x)) continue;
      const [sign, color] = MARKS[kind] || ["•", "ink"];
      const task = D.task[event];
      ink.globalAlpha = task < 0 || passes(task) ? 1 : 0.12;
      ink.fillStyle = task >= 0 && task === chosenTask ? colors.chosen : colors[color];
      ink.fillText(sign, X(x), middle(lane) + 0.5);
    }
    ink.globalAlpha = 1;
    ink.textAlign = "left";
  }
  function drawNames() {
    ink.fillStyle = colors.paper;
    ink.fillRect(0, 0, GUTTER - 6, height);
    lanes.forEach(([kind, name], i) => {
      if (kind === "queue") { ink.fillStyle = colors.stripe; ink.fillRect(0, tops[i], GUTTER - 6, HEIGHTS.queue); }
      ink.font = `${kind === "queue" ? "600 " : ""}12px system-ui, sans-serif`;
      ink.fillStyle = kind === "child" ? colors.soft : colors.ink;
      const q = D.scene.depths.findIndex(([lane]) => lane === i);
      const text = `${KINDS[kind]} ${name}`.trim() + (q >= 0 ? `  ≤ ${deepest[q]}` : "");
      ink.fillText(fitted(text, GUTTER - 22 - (kind === "child" ? 14 : 0)), kind === "child" ? 24 : 10, middle(i));
    });
  }
  function fitted(text, room) {
    if (ink.measureText(text).width <= room) return text;
    let cut = text.length;
    while (cut > 3 && ink.measureText(`${text.slice(0, cut)}…`).width > room) cut -= 1;
    return `${text.slice(0, cut)}…`;
  }

  // ---- filters and the table of events -----------------------------------------------------------------
  const verdictOf = (i) => D.verdicts[i];
  function option(select, value, text) { select.append(Object.assign(element("option", text), { value })); }
  [...new Set(D.names)].sort().forEach((name) => option($("task"), name, name));
  [...new Set(D.tiers)].filter(Boolean).sort().forEach((name) => option($("tier"), name, name));
  for (const outcome of ["broken", "unknown", "kept"]) if (D.verdicts.some((v) => v[2] === outcome)) option($("verdict"), outcome, `all ${outcome}`);
  D.verdicts.forEach((v, i) => option($("verdict"), String(i), `${v[2]}: ${v[0]} [${v[1]}]`));

  let haystack = null; // lower case, made when the first search asks for it
  function filter() {
    const query = $("query").value.trim().toLowerCase(), task = $("task").value, tier = $("tier").value, verdict = $("verdict").value;
    let cited = null;
    if (verdict !== "") {
      cited = new Set();
      D.verdicts.forEach((v, i) => { if (verdict === v[2] || verdict === String(i)) v[3].forEach((e) => cited.add(e)); });
    }
    const citedTasks = cited && new Set([...cited].map((e) => D.task[e]).filter((k) => k >= 0));
    if (!query && !task && !tier && !cited) {
      wanted = null;
      shownEvents = Int32Array.from({ length: N }, (_, i) => i);
    } else {
      haystack = query && !haystack ? D.details.map((text) => text.toLowerCase()) : haystack;
      const within = D.ids.map((id, k) => (!task || taskName(k) === task) && (!tier || tierOf(k) === tier) && (!citedTasks || citedTasks.has(k)));
      const named = query ? D.ids.map((id, k) => id.toLowerCase().includes(query) || taskName(k).toLowerCase().includes(query) || D.experiments[k].toLowerCase().includes(query)) : null;
      const kinds = query ? D.kinds.map((kind) => kind.includes(query)) : null;
      const found = [];
      wanted = new Uint8Array(D.ids.length);
      for (let i = 0; i < N; i += 1) {
        const k = D.task[i];
        if (k >= 0 ? !within[k] : task || tier || (cited && !cited.has(i))) continue;
        if (query && !(k >= 0 && named[k]) && !kinds[D.kind[i]] && !haystack[D.detail[i]].includes(query)) continue;
        found.push(i);
        if (k >= 0) wanted[k] = 1;
      }
      shownEvents = Int32Array.from(found);
    }
    const tasks = wanted === null ? D.ids.length : wanted.reduce((sum, each) => sum + each, 0);
    $("count").textContent = `${shownEvents.length.toLocaleString("en")} of ${N.toLocaleString("en")} events, ${tasks.toLocaleString("en")} of ${D.ids.length.toLocaleString("en")} tasks` + (D.cut === null ? "." : `; what an event says is cut after ${D.cut} characters here, history.jsonl has all of it.`);
    $("rows").replaceChildren();
    shownRows = 0;
    moreRows();
    redraw();
  }
  const TONES = { "task-failed": "bad", "child-lost": "bad", "worker-lost": "bad", "fault-injected": "bad", "publish-failed": "bad", "task-retried": "warn", "message-rejected": "warn", "dead-lettered": "warn", "task-succeeded": "good" };
  function row(i, withTask) {
    const line = element("tr"), kind = D.kinds[D.kind[i]], k = D.task[i];
    const time = element("td", seconds(at[i]), "time");
    time.title = `${clockText(at[i])} of the stage's clock${realOf(at[i])}`;
    const what = element("td");
    what.append(element("span", kind, `kind ${TONES[kind] || ""}`));
    line.append(time, what);
    if (withTask) {
      const cell = element("td", "", "id");
      if (k >= 0) {
        const open = Object.assign(element("button", `${taskName(k)} ${D.ids[k].slice(0, 8)}`.trim(), "task"), { type: "button" });
        open.addEventListener("click", () => choose(k, -1, true));
        cell.append(open);
      }
      line.append(cell);
    }
    line.append(element("td", D.sources[D.source[i]], "id"), element("td", detail(i), "detail"));
    return line;
  }
  function moreRows() {
    const part = document.createDocumentFragment(), upto = Math.min(shownEvents.length, shownRows + 200);
    for (; shownRows < upto; shownRows += 1) part.append(row(shownEvents[shownRows], true));
    $("rows").append(part);
    $("more").hidden = shownRows >= shownEvents.length;
    $("more").textContent = `More events (${(shownEvents.length - shownRows).toLocaleString("en")})`;
  }

  // ---- one task ----------------------------------------------------------------------------------------
  function choose(k, span, zoom) {
    chosenTask = k;
    chosenSpan = span;
    $("life").hidden = k < 0;
    if (k < 0) { redraw(); return; }
    const mine = [];
    for (let i = 0; i < N; i += 1) if (D.task[i] === k) mine.push(i);
    $("life-title").textContent = `${taskName(k) || "task"} ${D.ids[k]}`;
    const delays = arcs.filter((a) => a[4] === k).map((a, n) => `retry ${n + 1} after ${seconds(a[3] - a[2])}` + (a[5] === null ? "" : ` (promised ${a[5]} to ${a[6]} s)`));
    $("life-hint").textContent = [tierOf(k) && `tier ${tierOf(k)}`, D.experiments[k] && `sent by the experiment ${D.experiments[k]}`, ...delays].filter(Boolean).join(" · ");
    $("life-rows").replaceChildren(...mine.slice(0, 400).map((i) => row(i, false)));
    if (zoom && mine.length) show(at[mine[0]], lastOf(k, mine));
    redraw();
  }
  function lastOf(k, mine) { // records that are read at the end of a run are no part of a life
    const own = mine.filter((i) => !["result-gone", "log-record", "broker-read"].includes(D.kinds[D.kind[i]]));
    return at[own.length ? own[own.length - 1] : mine[mine.length - 1]];
  }
  function show(from, to) {
    const a = clock.to(from), b = clock.to(to), pad = Math.max(300, (b - a) * 0.15);
    view = [a - pad, b + pad];
    redraw();
  }

  // ---- pointer and keyboard ----------------------------------------------------------------------------
  const scaleOf = () => (view[1] - view[0]) / (canvas.clientWidth - GUTTER);
  function zoom(factor, around) {
    const width = Math.min(clock.end * 1.1, Math.max(5, (view[1] - view[0]) * factor)), share = (around - view[0]) / (view[1] - view[0]);
    view = [around - share * width, around + (1 - share) * width];
    redraw();
  }
  function move(by) {
    const room = view[1] - view[0], low = -room * 0.5, high = clock.end - room * 0.5;
    const from = Math.min(Math.max(view[0] + by, low), Math.max(low, high));
    view = [from, from + room];
    redraw();
  }
  function hit(px, py) {
    const lane = tops.findIndex((top, i) => py >= top && py < top + (HEIGHTS[lanes[i][0]] || 15));
    if (lane < 0 || px < GUTTER) return null;
    const x = view[0] + (px - GUTTER) * scaleOf(), near = 5 * scaleOf();
    let best = null, least = near;
    for (let i = 0; i < marks.length; i += 1) if (marks[i][0] === lane && Math.abs(mapped.marks[i] - x) < least) { least = Math.abs(mapped.marks[i] - x); best = { event: marks[i][3] }; }
    if (best) return best;
    for (let i = 0; i < spans.length; i += 1) {
      if (spans[i][0] !== lane) continue;
      const a = mapped.spans[2 * i], b = mapped.spans[2 * i + 1], off = x < a ? a - x : x > b ? x - b : 0;
      if (off < least) { least = off; best = { span: i }; }
    }
    if (best) return best;
    const fault = bands.find((b) => b[0] === lane && clock.to(b[1]) - near <= x && x <= clock.to(b[2]) + near);
    if (fault) return { event: fault[4] };
    const q = D.scene.depths.findIndex(([l]) => l === lane);
    if (q < 0) return null;
    const t = clock.back(x), steps = D.scene.depths[q][1];
    let n = 0;
    for (const [when, depth] of steps) { if (when > t) break; n = depth; }
    return { text: `${n} ${n === 1 ? "message waits" : "messages wait"} in queue ${lanes[lane][1]}\n${seconds(t)}${realOf(t)}` };
  }
  function said(found) {
    if (found.text) return found.text;
    if (found.span !== undefined) {
      const [, from, to, k, attempt, outcome] = spans[found.span];
      return `${taskName(k)}\n${D.ids[k]}\nattempt ${attempt + 1}: ${outcome}, ${seconds(to - from)}\nfrom ${seconds(from)}${realOf(from)}\n${tierOf(k) ? `tier ${tierOf(k)}` : ""}`.trim();
    }
    const i = found.event, k = D.task[i];
    return `${D.kinds[D.kind[i]]}${k >= 0 ? ` · ${taskName(k)} ${D.ids[k].slice(0, 8)}` : ""}\n${seconds(at[i])}${realOf(at[i])}\n${detail(i).slice(0, 300)}`;
  }
  let dragged = null;
  canvas.addEventListener("pointerdown", (e) => { dragged = { x: e.offsetX, from: [...view], moved: false }; canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener("pointermove", (e) => {
    if (dragged) {
      dragged.moved = dragged.moved || Math.abs(e.offsetX - dragged.x) > 3;
      view = [...dragged.from];
      move((dragged.x - e.offsetX) * scaleOf());
      return;
    }
    const found = hit(e.offsetX, e.offsetY);
    tip.hidden = !found;
    canvas.style.cursor = found ? "pointer" : "grab";
    if (!found) return;
    tip.textContent = said(found);
    tip.style.left = `${Math.min(e.offsetX + 14, canvas.clientWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${Math.min(e.offsetY + 14, Math.max(0, height - tip.offsetHeight - 4))}px`;
  });
  canvas.addEventListener("pointerup", (e) => {
    const was = dragged;
    dragged = null;
    if (!was || was.moved) return;
    const found = hit(e.offsetX, e.offsetY);
    if (!found) choose(-1, -1, false);
    else if (found.span !== undefined) choose(spans[found.span][3], found.span, false);
    else if (found.event !== undefined && D.task[found.event] >= 0) choose(D.task[found.event], -1, false);
  });
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
  canvas.addEventListener("wheel", (e) => {
    if (e.ctrlKey || e.metaKey) { e.preventDefault(); zoom(Math.exp(e.deltaY * 0.004), view[0] + Math.max(0, e.offsetX - GUTTER) * scaleOf()); }
    else if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) { e.preventDefault(); move((e.deltaX || e.deltaY) * scaleOf()); }
  }, { passive: false });
  canvas.addEventListener("dblclick", (e) => zoom(0.4, view[0] + Math.max(0, e.offsetX - GUTTER) * scaleOf()));
  const inTime = spans.map((_, i) => i).sort((a, b) => spans[a][1] - spans[b][1]);
  function step(by) { // the next attempt of those that pass the filters
    let place = chosenSpan < 0 ? (by > 0 ? -1 : inTime.length) : inTime.indexOf(chosenSpan);
    for (place += by; place >= 0 && place < inTime.length; place += by) {
      const s = spans[inTime[place]];
      if (!passes(s[3])) continue;
      choose(s[3], inTime[place], false);
      const x = clock.to(s[1]);
      if (x < view[0] || x > view[1]) move(x - (view[0] + view[1]) / 2);
      return;
    }
  }
  canvas.addEventListener("keydown", (e) => {
    const room = view[1] - view[0], center = chosenSpan >= 0 ? Math.min(Math.max(mapped.spans[2 * chosenSpan], view[0]), view[1]) : (view[0] + view[1]) / 2;
    const keys = {
      ArrowLeft: () => move(-room / 8), ArrowRight: () => move(room / 8), "+": () => zoom(0.6, center), "=": () => zoom(0.6, center), "-": () => zoom(1 / 0.6, center),
      Home: () => { whole(); redraw(); }, n: () => step(1), p: () => step(-1), Escape: () => choose(-1, -1, false),
      Enter: () => { if (chosenTask >= 0) { choose(chosenTask, chosenSpan, true); $("life").focus(); } },
    };
    const act = keys[e.key.length === 1 ? e.key.toLowerCase() : e.key];
    if (act && !e.ctrlKey && !e.metaKey && !e.altKey) { e.preventDefault(); act(); }
  });
  document.addEventListener("keydown", (e) => {
    if (e.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) { e.preventDefault(); $("query").focus(); }
  });

  // ---- wiring ------------------------------------------------------------------------------------------
  let waiting = 0;
  $("query").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 150); });
  for (const id of ["task", "tier", "verdict"]) $(id).addEventListener("change", filter);
  $("axis").addEventListener("change", () => { clock = clocks[$("axis").value]; remap(); redraw(); });
  $("filters").addEventListener("submit", (e) => e.preventDefault());
  $("filters").addEventListener("reset", () => setTimeout(() => { clock = clocks[$("axis").value]; remap(); choose(-1, -1, false); filter(); }));
  $("out").addEventListener("click", () => { whole(); redraw(); });
  $("more").addEventListener("click", moreRows);
  document.querySelectorAll("button.show").forEach((button) => button.addEventListener("click", () => {
    $("filters").reset();
    setTimeout(() => {
      const [, , , events] = verdictOf(Number(button.dataset.verdict));
      $("verdict").value = button.dataset.verdict;
      filter();
      const first = events.find((i) => D.task[i] >= 0);
      if (first !== undefined) choose(D.task[first], -1, false);
      if (events.length) show(Math.min(...events.map((i) => at[i])), Math.max(...events.map((i) => at[i])));
      $("timeline").scrollIntoView();
      canvas.focus({ preventScroll: true });
    }, 5);
  }));
  document.querySelectorAll("button.copy").forEach((button) => {
    if (!navigator.clipboard) { button.hidden = true; return; }
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
      button.textContent = "Copied";
    });
  });
  window.addEventListener("resize", redraw);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColors(); redraw(); });
  readColors();
  remap();
  filter();
  draw();
  document.documentElement.dataset.readyMs = String(Math.round(performance.now()));
})();
