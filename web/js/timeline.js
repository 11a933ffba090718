/** The control timeline: keys of gaze, distance and emotion on three lanes below the sound's waveform. */

import { app } from "../../../scripts/app.js";
import { LANES, changedKey, easeOf, keysOf, laneAt, lastTime, numberOf, withEase, withKey, withoutKey } from "./shared/keys.js";
import { onPinch } from "./shared/pinch.js";
import { Stage } from "./shared/stage.js";
import { Surface, snapped } from "./shared/surface.js";
import { drawTimeline } from "./shared/timeline_drawing.js";
import { timelineFields } from "./shared/timeline_fields.js";
import { Waveform } from "./shared/waveform.js";
import { commit, once, valueWidget } from "./shared/widget.js";
import { word } from "./shared/words.js";

const STEPS = { yaw: 0.5, pitch: 0.5, distance: 0.01, emotion: 0.02 }; // of values when dragging
const NUDGES = { yaw: [1, 0.1], pitch: [1, 0.1], distance: [0.05, 0.01], emotion: [0.1, 0.02] }; // by keys; with Shift
const FRAME = 0.04; // seconds, by keys; with Shift:
const FINE = 0.01;
const APART = 0.5; // seconds from a key to its copy
const REACH = 10; // pixels around a key that still hit it; for a finger twice as many
const STILL = 3; // pixels that a pressed pointer may move in a direction without dragging in it
const LEAST = 10; // seconds of a timeline without sound

const kept = new Map(); // graph and node id: the view; undo makes nodes anew
let copied = null; // {lane, numbers}: a key, also for other timelines

app.registerExtension({
  name: "vasa.timeline",
  getCustomWidgets: () => ({ VASA_TIMELINE: valueWidget({ height: 340, width: 440, make: makeTimeline }) }),
});

function makeTimeline(model, options, node, host) {
  const { ranges, natural } = model;
  const state = { lane: "gaze", chosen: null, time: 0, channel: { gaze: "yaw", distance: "distance", emotion: "happiness" } };
  const stage = new Stage();
  const waveform = new Waveform(node, "audio", host, () => settleLength());
  const value = () => (model.understood ? model.stored : model.fallback); // never changed in place
  const kind = () => (state.lane === "emotion" ? "emotion" : state.channel[state.lane]);
  const channelNow = () => state.channel[state.lane];
  const chosenKey = () => (state.chosen === null ? null : (keysOf(value(), state.lane)[state.chosen] ?? null));
  const numberNow = () => laneAt(value(), state.lane, channelNow(), state.time);
  let grip = null; // what a pointer holds

  const surface = new Surface({
    draw: (context, view) => {
      Object.assign(stage, { width: view.width, height: view.height });
      drawTimeline(context, view, stage, { value: value(), state, waveform, ranges, natural });
    },
    drag: { start, move, end, cancel },
    hover: (point) => {
      stage.pointed = point && stage.timeAt(point.x);
      surface.redraw();
      return point && (hit(point) ? "grab" : stage.laneAt(point.y) ? "crosshair" : "ew-resize");
    },
    keys,
    reset: (point) => once(() => toggle(point)),
  });
  surface.canvas.dataset.captureWheel = "true";
  surface.canvas.addEventListener("wheel", zoomByWheel, { passive: false });
  onPinch(surface.canvas, {
    start: () => surface.stopDragging("cancel"),
    move: (factor, from, to) => {
      const held = stage.timeAt(surface.point({ clientX: from }).x);
      stage.zoom(1 / factor, held);
      stage.pan(held - stage.timeAt(surface.point({ clientX: to }).x));
      show();
    },
  });

  function hit(point) {
    const reach = point.touch ? 2 * REACH : REACH;
    return stage.hit(value(), point, reach, ranges, state.channel);
  }

  function choose(lane, index, channel = state.channel[lane]) {
    Object.assign(state, { lane, chosen: index });
    state.channel[lane] = channel;
    if (chosenKey()) state.time = chosenKey().t;
    show();
  }

  /** Choose a key if there is one at this time. */
  function seek(time, lane = state.lane) {
    state.time = Math.min(stage.length, Math.max(0, Math.round(time * 1000) / 1000));
    const index = keysOf(value(), lane).findIndex((key) => Math.abs(key.t - state.time) < FINE / 2);
    choose(lane, index < 0 ? null : index);
  }

  function start(point) {
    const found = hit(point);
    const lane = stage.laneAt(point.y);
    stage.pointed = null;
    if (found) choose(found.lane, found.index, found.channel);
    grip = { point, lane, key: found && chosenKey(), before: value(), from: stage.from, across: false, along: false };
    if (!lane) seek(stage.timeAt(point.x));
  }

  function move(point) {
    grip.along ||= Math.abs(point.x - grip.point.x) > STILL;
    grip.across ||= Math.abs(point.y - grip.point.y) > STILL;
    const seconds = (point.x - grip.point.x) / stage.scale;
    if (grip.key) dragKey(point, seconds);
    else if (!grip.lane) seek(stage.timeAt(point.x));
    else if (grip.along) {
      stage.pan(grip.from - seconds - stage.from);
      show();
    }
  }

  function dragKey(point, seconds) {
    const channel = channelNow();
    const changed = {};
    if (grip.along && !point.fine) changed.t = Math.min(stage.length, stage.snap(grip.key.t + seconds, value(), state.lane));
    else stage.guide = null;
    if (grip.across) {
      const rise = (grip.point.y - point.y) * stage.rise(state.lane, ranges[channel]);
      changed[channel] = snapped(numberOf(grip.key, channel) + rise, ranges[channel], STEPS[kind()]);
    }
    changeKey(changed);
  }

  function changeKey(numbers) {
    const next = changedKey(value(), state.lane, state.chosen, numbers);
    state.time = keysOf(next, state.lane)[state.chosen].t;
    model.replace(next);
  }

  function end() {
    if (grip?.lane && !grip.key && !grip.along && !grip.across) seek(stage.timeAt(grip.point.x), grip.lane);
    release();
    commit();
  }

  function cancel() {
    if (grip?.key && (grip.along || grip.across)) model.replace(grip.before);
    release();
  }

  function release() {
    grip = null;
    stage.guide = null;
    settleLength();
  }

  /** A double click: a key where there is none, none where there is one; above the lanes: everything in view. */
  function toggle(point) {
    const found = hit(point);
    const lane = stage.laneAt(point.y);
    if (found) removeKey(found.lane, found.index);
    else if (lane) {
      const channel = state.channel[lane];
      state.lane = lane;
      const number = snapped(stage.valueAt(lane, point.y, ranges[channel]), ranges[channel], STEPS[kind()]);
      addKey(stage.snap(stage.timeAt(point.x), value(), lane), lane);
      changeKey({ [channel]: number });
    } else stage.fit();
    stage.guide = null;
    surface.redraw();
  }

  function addKey(time, lane = state.lane, numbers = null) {
    const [next, index] = withKey(value(), lane, time, numbers);
    Object.assign(state, { lane, chosen: index, time: keysOf(next, lane)[index].t });
    model.replace(next);
    stage.reveal(state.time);
  }

  function removeKey(lane = state.lane, index = state.chosen) {
    if (index === null) return;
    state.chosen = null;
    model.replace(withoutKey(value(), lane, index));
  }

  function copyKey() {
    if (!chosenKey()) return;
    const { t: _, ...numbers } = chosenKey();
    copied = { lane: state.lane, numbers };
  }

  function pasteKey() {
    if (!copied) return;
    const taken = keysOf(value(), copied.lane).some((key) => Math.abs(key.t - state.time) < FINE);
    addKey(state.time + (taken ? APART : 0), copied.lane, copied.numbers);
  }

  function setNumber(number) {
    if (chosenKey()) changeKey({ [channelNow()]: number });
    else {
      addKey(state.time);
      changeKey({ [channelNow()]: number });
    }
  }

  function nudge(seconds, direction, fine) {
    if (!chosenKey()) {
      if (seconds) seek(state.time + seconds);
    } else {
      const channel = channelNow();
      const [coarse, small] = NUDGES[kind()];
      const number = numberOf(chosenKey(), channel) + direction * (fine ? small : coarse);
      changeKey({ t: chosenKey().t + seconds, ...(direction && { [channel]: snapped(number, ranges[channel], small) }) });
    }
  }

  function keys(key, fine) {
    const lanes = Object.keys(LANES);
    const count = keysOf(value(), state.lane).length;
    const seconds = fine ? FINE : FRAME;
    const beside = (step) => count && choose(state.lane, nextKey(step));
    const actions = {
      Delete: () => once(() => removeKey()),
      Backspace: () => once(() => removeKey()),
      Enter: () => once(() => addKey(state.time)),
      c: copyKey,
      v: () => once(pasteKey),
      ArrowLeft: () => once(() => nudge(-seconds, 0, fine)),
      ArrowRight: () => once(() => nudge(seconds, 0, fine)),
      ArrowUp: () => once(() => nudge(0, 1, fine)),
      ArrowDown: () => once(() => nudge(0, -1, fine)),
      ",": () => beside(-1),
      ".": () => beside(1),
      PageUp: () => seek(state.time, lanes[Math.max(0, lanes.indexOf(state.lane) - 1)]),
      PageDown: () => seek(state.time, lanes[Math.min(lanes.length - 1, lanes.indexOf(state.lane) + 1)]),
      Home: () => seek(0),
      End: () => seek(stage.length),
    };
    const views = {
      "+": () => stage.zoom(0.7, state.time),
      "-": () => stage.zoom(1 / 0.7, state.time),
      0: () => stage.fit(),
    };
    if (key in views) views[key]();
    else if (key in actions) {
      actions[key]();
      stage.reveal(state.time);
    } else return false;
    show();
    return true;
  }

  /** The index of the key before or after the present time. */
  function nextKey(step) {
    const times = keysOf(value(), state.lane).map((key) => key.t);
    const place = step > 0 ? times.findIndex((t) => t > state.time + FINE / 2) : times.findLastIndex((t) => t < state.time - FINE / 2);
    return place < 0 ? (step > 0 ? 0 : times.length - 1) : place;
  }

  function zoomByWheel(event) {
    if (document.activeElement !== surface.canvas) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.shiftKey || event.deltaX) stage.pan((event.deltaX || event.deltaY) / stage.scale);
    else stage.zoom(Math.exp(event.deltaY / 500), stage.timeAt(surface.point(event).x));
    show();
  }

  /** As long as the sound, and never shorter than the keys reach. */
  function settleLength() {
    const last = lastTime(value());
    stage.resize(Math.max(waveform.seconds || Math.max(LEAST, Math.ceil(last + 1)), last));
    show();
  }

  const fields = timelineFields({
    state,
    ranges,
    number: numberNow,
    ease: () => easeOf(value(), state.lane),
    select: (lane, channel) => {
      state.channel[lane] = channel;
      seek(state.time, lane);
    },
    setTime: (time) => {
      if (chosenKey()) changeKey({ t: time });
      else seek(time);
      stage.reveal(state.time);
    },
    setNumber,
    setEase: (ease) => model.replace(withEase(value(), state.lane, ease)),
    add: () => addKey(chosenKey() ? state.time + APART : state.time),
    duplicate: () => {
      copyKey();
      pasteKey();
    },
    remove: () => removeKey(),
  });

  const place = () => `${host.graph?.id}/${host.id}`;

  /** Where one was before an undo made this node anew. */
  function recall() {
    const before = kept.get(place());
    if (!before || before.state === state) return;
    const { lane, channel, time } = before.state;
    Object.assign(state, { lane, channel: { ...channel }, time });
    const { length, from, to } = before.stage;
    Object.assign(stage, { length, from, to });
  }

  function show(byUser = true) {
    if (!byUser) {
      recall();
      settleLength();
      state.chosen = null;
      seek(state.time);
      return;
    }
    if (host.graph) kept.set(place(), { state, stage });
    if (!grip && lastTime(value()) > stage.length) settleLength();
    surface.describe({
      role: "slider",
      "aria-roledescription": word("timeline"),
      "aria-label": word("timeline"),
      "aria-valuemin": 0,
      "aria-valuemax": stage.length,
      "aria-valuenow": state.time,
      "aria-valuetext": `${state.time.toFixed(2)} s, ${word(channelNow())} ${numberNow().toFixed(2)}`,
    });
    fields.forEach((field) => field.show());
    surface.redraw();
  }

  return { surface, fields, show };
}
