/** The control timeline: keys of gaze, distance and emotion on three lanes below the sound's waveform. */

import { app } from "../../../scripts/app.js";
import { EASES } from "./shared/curve.js";
import { LANES, changedKey, easeOf, keysOf, laneAt, lastTime, usedChannels, withEase, withKey, withoutKey } from "./shared/keys.js";
import { Surface, snapped } from "./shared/surface.js";
import { Stage, drawStage } from "./shared/timeline_drawing.js";
import { Waveform } from "./shared/waveform.js";
import { commit, keepEvents, numberField, once, valueWidget } from "./shared/widget.js";
import { word } from "./shared/words.js";

const STEPS = { yaw: 0.5, pitch: 0.5, distance: 0.01 }; // of values when dragging; emotions 0.02
const FRAME = 0.04; // seconds, to which times snap
const SNAP = 6; // pixels around another lane's key, or a whole second
const REACH = 9; // pixels around a key that still hit it; a finger reaches further
const SHORTEST = 0.5; // seconds in view

let copied = null; // {lane, numbers}: a key, also for other timelines

app.registerExtension({
  name: "vasa.timeline",
  getCustomWidgets: () => ({ VASA_TIMELINE: valueWidget({ height: 330, width: 420, make: makeTimeline }) }),
});

function makeTimeline(model, _options, node) {
  const state = { chosen: null, lane: "gaze", channel: { gaze: "yaw", distance: "distance", emotion: "happiness" } };
  const stage = new Stage();
  const waveform = new Waveform(node, "audio", () => fit());
  const grip = { before: null, from: null, moved: false };
  const value = () => (model.understood ? model.value : model.fallback);
  const step = (channel) => STEPS[channel] ?? 0.02;
  const chosenKey = () => (state.chosen === null ? null : (keysOf(value(), state.lane)[state.chosen] ?? null));

  const surface = new Surface({
    draw: (context, view) => drawStage(context, view, stage, { value: value(), state, waveform, ranges: model.ranges }),
    drag: { start, move, end: commit, cancel: () => grip.before && model.replace(grip.before) },
    hover: (point) => {
      stage.cursor = point ? stage.timeAt(point.x) : null;
      surface.redraw();
      return point && (hit(point) ? "grab" : stage.laneAt(point.y) ? "cell" : "ew-resize");
    },
    keys,
    reset: (point) => once(() => toggle(point)),
  });
  surface.canvas.dataset.captureWheel = "true";
  surface.canvas.addEventListener("wheel", zoomByWheel, { passive: false });

  /** The key's dot nearest to a point: {lane, index, channel}. */
  function hit(point) {
    let best = { distance: point.touch ? 2 * REACH : REACH };
    for (const lane of Object.keys(LANES)) {
      keysOf(value(), lane).forEach((key, index) => {
        for (const channel of shownChannels(lane)) {
          const number = laneAt(value(), lane, channel, key.t);
          const at = stage.dot(lane, key.t, number, model.ranges[channel]);
          const distance = Math.hypot(at.x - point.x, at.y - point.y);
          if (distance < best.distance) best = { distance, lane, index, channel };
        }
      });
    }
    return best.lane ? best : null;
  }

  function shownChannels(lane) {
    return [...new Set([...usedChannels(value(), lane), state.channel[lane]])];
  }

  function choose(lane, index, channel = state.channel[lane]) {
    Object.assign(state, { lane, chosen: index });
    state.channel[lane] = channel;
    show();
  }

  function start(point) {
    const found = hit(point);
    Object.assign(grip, { before: found && model.value, from: found ? null : { ...stage.view, x: point.x } });
    if (found) choose(found.lane, found.index, found.channel);
    else if (stage.laneAt(point.y)) choose(stage.laneAt(point.y), null);
  }

  function move(point) {
    if (grip.from) {
      const shift = (point.x - grip.from.x) / stage.scale;
      look(grip.from.from - shift, grip.from.to - shift);
      return;
    }
    const { lane, chosen } = state;
    const channel = state.channel[lane];
    const number = snapped(stage.valueAt(lane, point.y, model.ranges[channel]), model.ranges[channel], step(channel));
    const time = point.fine ? keysOf(value(), lane)[chosen].t : snappedTime(stage.timeAt(point.x), lane);
    model.replace(changedKey(value(), lane, chosen, { t: time, [channel]: number }));
  }

  /** A multiple of a frame, or a key of another lane or a whole second where one is near. */
  function snappedTime(time, lane) {
    const others = Object.keys(LANES).filter((other) => other !== lane);
    const marks = [Math.round(time), ...others.flatMap((other) => keysOf(value(), other).map((key) => key.t))];
    const near = marks.filter((mark) => Math.abs(mark - time) * stage.scale < SNAP);
    if (near.length) return near.reduce((a, b) => (Math.abs(a - time) < Math.abs(b - time) ? a : b));
    return Math.round(time / FRAME) * FRAME;
  }

  /** A double click: a key where there is none, none where there is one; on the waveform: everything in view. */
  function toggle(point) {
    const found = hit(point);
    const lane = stage.laneAt(point.y);
    if (found) removeKey(found.lane, found.index);
    else if (!lane) fit();
    else {
      const channel = state.channel[lane];
      const [next, index] = withKey(value(), lane, snappedTime(stage.timeAt(point.x), lane));
      const number = snapped(stage.valueAt(lane, point.y, model.ranges[channel]), model.ranges[channel], step(channel));
      state.chosen = index;
      state.lane = lane;
      model.replace(changedKey(next, lane, index, { [channel]: number }));
    }
  }

  function addKey(time, lane = state.lane, numbers = null) {
    const [next, index] = withKey(value(), lane, time, numbers);
    Object.assign(state, { lane, chosen: index });
    model.replace(next);
  }

  function removeKey(lane = state.lane, index = state.chosen) {
    if (index === null) return;
    state.chosen = null;
    model.replace(withoutKey(value(), lane, index));
  }

  function copyKey() {
    const { t: _, ...numbers } = chosenKey() ?? {};
    if (chosenKey()) copied = { lane: state.lane, numbers };
  }

  function pasteKey() {
    if (copied) addKey(stage.cursor ?? (chosenKey()?.t ?? stage.middle) + 0.5, copied.lane, copied.numbers);
  }

  function nudge(seconds, rows) {
    const key = chosenKey();
    if (!key) return seconds ? look(stage.view.from + 5 * seconds, stage.view.to + 5 * seconds) : undefined;
    const channel = state.channel[state.lane];
    const number = laneAt(value(), state.lane, channel, key.t) + rows * step(channel);
    const changed = { t: key.t + seconds, [channel]: snapped(number, model.ranges[channel], step(channel) / 5) };
    model.replace(changedKey(value(), state.lane, state.chosen, changed));
  }

  function keys(key, fine) {
    const lanes = Object.keys(LANES);
    const count = keysOf(value(), state.lane).length;
    const [time, rows] = fine ? [0.01, 1] : [FRAME, 5];
    const actions = {
      Delete: () => once(() => removeKey()),
      Backspace: () => once(() => removeKey()),
      Enter: () => once(() => addKey(stage.cursor ?? stage.middle)),
      a: () => once(() => addKey(stage.cursor ?? stage.middle)),
      c: copyKey,
      v: () => once(pasteKey),
      ArrowLeft: () => once(() => nudge(-time, 0)),
      ArrowRight: () => once(() => nudge(time, 0)),
      ArrowUp: () => once(() => nudge(0, rows)),
      ArrowDown: () => once(() => nudge(0, -rows)),
      "[": () => count && choose(state.lane, ((state.chosen ?? count) - 1 + count) % count),
      "]": () => count && choose(state.lane, ((state.chosen ?? -1) + 1) % count),
      PageUp: () => choose(lanes[Math.max(0, lanes.indexOf(state.lane) - 1)], null),
      PageDown: () => choose(lanes[Math.min(2, lanes.indexOf(state.lane) + 1)], null),
      "+": () => zoom(0.7, stage.middle),
      "-": () => zoom(1 / 0.7, stage.middle),
      Home: fit,
    };
    actions[key]?.();
    return key in actions;
  }

  function zoomByWheel(event) {
    if (document.activeElement !== surface.canvas) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.shiftKey) nudgeView(event.deltaY);
    else zoom(Math.exp(event.deltaY / 500), stage.timeAt(surface.point(event).x));
  }

  function nudgeView(pixels) {
    look(stage.view.from + pixels / stage.scale, stage.view.to + pixels / stage.scale);
  }

  function zoom(factor, around) {
    const { from, to } = stage.view;
    look(around + (from - around) * factor, around + (to - around) * factor);
  }

  /** Show these seconds, kept within the timeline. */
  function look(from, to) {
    const length = Math.min(stage.length, Math.max(SHORTEST, to - from));
    const first = Math.min(Math.max(0, from), stage.length - length);
    stage.view = { from: first, to: first + length };
    surface.redraw();
  }

  function fit() {
    stage.length = waveform.seconds || Math.max(10, lastTime(value()) + 1);
    look(0, stage.length);
  }

  const fields = makeFields();

  function makeFields() {
    const range = [0, 1];
    const channel = selectField(
      word("timeline"),
      Object.entries(LANES).flatMap(([lane, names]) => names.map((name) => [`${lane}/${name}`, word(name)])),
      () => `${state.lane}/${state.channel[state.lane]}`,
      (chosen) => {
        const [lane, name] = chosen.split("/");
        choose(lane, lane === state.lane ? state.chosen : null, name);
      },
    );
    const time = numberField({
      label: "time",
      unit: "s",
      range: [0, 36000],
      step: FRAME,
      digits: 2,
      read: () => chosenKey()?.t ?? stage.cursor ?? 0,
      write: (t) => chosenKey() && model.replace(changedKey(value(), state.lane, state.chosen, { t })),
    });
    const number = numberField({
      label: "strength",
      range,
      step: 0.01,
      digits: 2,
      read: () => laneAt(value(), state.lane, state.channel[state.lane], chosenKey()?.t ?? 0),
      write: (amount) => {
        const changed = { [state.channel[state.lane]]: amount };
        if (chosenKey()) model.replace(changedKey(value(), state.lane, state.chosen, changed));
      },
    });
    const followed = { ...number, show: () => (range.splice(0, 2, ...model.ranges[state.channel[state.lane]]), number.show()) };
    const easing = selectField(
      word("smooth"),
      EASES.map((name) => [name, word(name)]),
      () => easeOf(value(), state.lane),
      (ease) => once(() => model.replace(withEase(value(), state.lane, ease))),
    );
    const buttons = [
      button("+", "add a key", () => once(() => addKey(chosenKey() ? chosenKey().t + 0.5 : stage.middle))),
      button("⧉", "copy the key", () => (copyKey(), once(() => addKey((chosenKey()?.t ?? stage.middle) + 0.5, copied?.lane, copied?.numbers)))),
      button("✕", "delete the key", () => once(() => removeKey())),
    ];
    return [channel, time, followed, easing, ...buttons];
  }

  function show() {
    const key = chosenKey();
    if (state.chosen !== null && !key) state.chosen = null;
    if (!waveform.seconds && lastTime(value()) + 1 > stage.length) fit();
    const channel = state.channel[state.lane];
    const now = laneAt(value(), state.lane, channel, key?.t ?? 0);
    surface.describe({
      role: "slider",
      "aria-roledescription": word("timeline"),
      "aria-label": word("timeline"),
      "aria-valuemin": 0,
      "aria-valuemax": stage.length,
      "aria-valuenow": key?.t ?? 0,
      "aria-valuetext": `${word(channel)} ${now.toFixed(2)}, ${(key?.t ?? 0).toFixed(2)} s`,
    });
    fields.forEach((field) => field.show());
    surface.redraw();
  }

  fit();
  return { surface, fields, show };
}

/** A menu; options: [[value, text]]. */
function selectField(name, options, read, write) {
  const element = document.createElement("label");
  element.className = "vasa-field";
  const select = element.appendChild(document.createElement("select"));
  select.setAttribute("aria-label", name);
  select.append(...options.map(([value, text]) => new Option(text, value)));
  select.addEventListener("change", () => write(select.value));
  keepEvents(element);
  return { element, show: () => (select.value = read()) };
}

function button(sign, name, press) {
  const element = document.createElement("button");
  element.className = "vasa-field";
  element.style.cssText = "flex: 0 0 26px; justify-content: center; cursor: pointer; padding: 0";
  element.textContent = sign;
  element.title = word(name);
  element.setAttribute("aria-label", word(name));
  element.addEventListener("click", press);
  keepEvents(element);
  return { element, show() {} };
}
