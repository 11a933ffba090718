/** What the control timeline looks like, and where in it things are. Pure drawing. */

import { valueAt } from "./curve.js";
import { drawFace } from "./face.js";
import { LANES, REST, easeOf, keysOf, laneAt, usedChannels } from "./keys.js";
import { label, roundedBox } from "./surface.js";
import { EMOTION_COLOURS } from "./theme.js";
import { drawPeaks } from "./waveform.js";
import { word } from "./words.js";

const WAVE = 52; // height of the waveform, in pixels
const SIDE = 10;
const FACE = 20; // radius of the small face
const GAP = 4;
const INSIDE = 12; // from a lane's edge to its extreme values
const TICKS = [0.04, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600];

/** Places on the canvas: seconds and values to pixels and back. view: {from, to} in seconds; cursor: seconds or null. */
export class Stage {
  constructor() {
    Object.assign(this, { width: 1, height: 1, length: 10, view: { from: 0, to: 10 }, cursor: null });
  }

  /** Pixels per second. */
  get scale() {
    return (this.width - 2 * SIDE) / (this.view.to - this.view.from);
  }

  get middle() {
    return (this.view.from + this.view.to) / 2;
  }

  xAt(time) {
    return SIDE + (time - this.view.from) * this.scale;
  }

  timeAt(x) {
    return Math.max(0, this.view.from + (x - SIDE) / this.scale);
  }

  lane(name) {
    const height = (this.height - WAVE - 3 * GAP) / 3;
    const y = WAVE + GAP + Object.keys(LANES).indexOf(name) * (height + GAP);
    return { x: 0, y, width: this.width, height };
  }

  /** The lane at a height, null on the waveform. */
  laneAt(y) {
    return Object.keys(LANES).find((name) => y >= this.lane(name).y && y < this.lane(name).y + this.lane(name).height + GAP) ?? null;
  }

  /** Where a value of a lane's channel is drawn. */
  dot(name, time, value, [low, high]) {
    const { y, height } = this.lane(name);
    return { x: this.xAt(time), y: y + height - INSIDE - ((value - low) / (high - low)) * (height - 2 * INSIDE) };
  }

  valueAt(name, y, [low, high]) {
    const box = this.lane(name);
    return low + ((box.y + box.height - INSIDE - y) / (box.height - 2 * INSIDE)) * (high - low);
  }
}

/** Colour of a channel. */
export function colourOf(channel, theme) {
  return EMOTION_COLOURS[channel] ?? { yaw: theme.accent, pitch: theme.warning, distance: theme.accent }[channel];
}

/** The whole timeline. content: {value, state: {lane, chosen, channel}, waveform, ranges}. */
export function drawStage(context, { width, height, theme }, stage, content) {
  Object.assign(stage, { width, height });
  roundedBox(context, 0, 0, width, height, 8);
  context.fillStyle = theme.surface;
  context.fill();
  context.save();
  context.clip();
  for (const name of Object.keys(LANES)) drawLane(context, stage, name, content, theme);
  drawTime(context, stage, content, theme);
  drawCursor(context, stage, content, theme);
  context.restore();
}

function drawTime(context, stage, { waveform }, theme) {
  const { from, to } = stage.view;
  const shown = { x: SIDE, y: 12, width: stage.width - 2 * SIDE, height: WAVE - 12 };
  drawPeaks(context, waveform, from, to, shown, `${theme.accent}88`);
  if (!waveform.seconds) {
    context.fillStyle = theme.line;
    context.fillRect(SIDE, 12 + (WAVE - 12) / 2, shown.width, 1);
  }
  const step = TICKS.find((seconds) => seconds * stage.scale >= 52) ?? TICKS.at(-1);
  for (let k = Math.ceil(from / step - 1e-6); k * step <= to + 1e-6; k++) {
    const x = stage.xAt(k * step);
    context.fillStyle = theme.grid;
    context.fillRect(x, 0, 1, stage.height);
    label(context, clock(k * step, step), x + 3, 8, { theme, align: "left", size: 9 });
  }
}

function clock(seconds, step) {
  const minutes = Math.floor(seconds / 60);
  const rest = (seconds - 60 * minutes).toFixed(step < 1 ? (step < 0.1 ? 2 : 1) : 0);
  return minutes ? `${minutes}:${rest.padStart(step < 1 ? 4 : 2, "0")}` : `${rest} s`;
}

function drawLane(context, stage, name, { value, state, ranges }, theme) {
  const box = stage.lane(name);
  const active = state.lane === name;
  context.fillStyle = active ? theme.raised : `${theme.raised}80`;
  context.fillRect(box.x, box.y, box.width, box.height);
  const channels = [...new Set([...usedChannels(value, name), state.channel[name]])];
  const keys = keysOf(value, name);
  const rest = stage.dot(name, 0, REST[channels[0]] ?? 0, ranges[channels[0]]).y;
  context.fillStyle = theme.line;
  context.fillRect(SIDE, rest, stage.width - 2 * SIDE, 1);
  for (const channel of channels) {
    const strong = active && state.channel[name] === channel;
    drawCurve(context, stage, name, channel, value, ranges, colourOf(channel, theme), strong);
    keys.forEach((key, index) => {
      const place = stage.dot(name, key.t, key[channel] ?? REST[channel] ?? 0, ranges[channel]);
      drawDot(context, place, colourOf(channel, theme), theme, active && state.chosen === index, strong);
    });
  }
  const names = { gaze: "gaze", distance: "head distance", emotion: "emotion" };
  label(context, word(names[name]), SIDE, box.y + 8, { theme, align: "left", size: 10, weight: 600 });
  drawLegend(context, stage, box, name, channels, state, active, theme);
}

function drawLegend(context, stage, box, name, channels, state, active, theme) {
  let x = stage.width - SIDE;
  for (const channel of name === "distance" ? [] : [...channels].reverse()) {
    const weight = active && state.channel[name] === channel ? 700 : 500;
    label(context, word(channel), x, box.y + 8, { theme, align: "right", size: 9, weight, colour: colourOf(channel, theme) });
    x -= context.measureText(word(channel)).width + 8;
  }
}

function drawCurve(context, stage, name, channel, value, ranges, colour, strong) {
  const keys = keysOf(value, name);
  const rest = REST[channel] ?? 0;
  const [times, values] = [keys.map((key) => key.t), keys.map((key) => key[channel] ?? rest)];
  context.beginPath();
  for (let x = SIDE; x <= stage.width - SIDE; x += 2) {
    const time = stage.timeAt(x);
    const number = keys.length ? valueAt(times, values, easeOf(value, name), time) : rest;
    context.lineTo(x, stage.dot(name, time, number, ranges[channel]).y);
  }
  context.strokeStyle = keys.length ? colour : `${colour}60`;
  context.lineWidth = strong ? 2 : 1.25;
  context.stroke();
}

function drawDot(context, { x, y }, colour, theme, chosen, strong) {
  const size = chosen ? 6 : strong ? 5 : 3.5;
  context.beginPath();
  context.moveTo(x, y - size);
  context.lineTo(x + size, y);
  context.lineTo(x, y + size);
  context.lineTo(x - size, y);
  context.closePath();
  context.fillStyle = chosen ? colour : theme.surface;
  context.fill();
  context.strokeStyle = chosen ? theme.text : colour;
  context.lineWidth = chosen ? 1.5 : 1.25;
  context.stroke();
}

/** A line at the time that is pointed at or chosen, and the face as it will be there. */
function drawCursor(context, stage, { value, state }, theme) {
  const chosen = state.chosen === null ? null : keysOf(value, state.lane)[state.chosen]?.t;
  const time = stage.cursor ?? chosen;
  if (time === null || time === undefined) return;
  const x = stage.xAt(time);
  context.fillStyle = `${theme.text}66`;
  context.fillRect(x, 0, 1, stage.height);
  const gaze = { yaw: laneAt(value, "gaze", "yaw", time), pitch: laneAt(value, "gaze", "pitch", time) };
  const emotion = Object.fromEntries(LANES.emotion.map((name) => [name, laneAt(value, "emotion", name, time)]));
  const radius = Math.min(FACE * 1.15, FACE / Math.max(0.5, laneAt(value, "distance", "distance", time)));
  const beside = x + 34 > stage.width ? x - 28 : x + 28;
  context.beginPath();
  context.arc(beside, 28, FACE + 4, 0, 2 * Math.PI);
  context.fillStyle = theme.surface;
  context.fill();
  drawFace(context, { x: beside, y: 29, radius, gaze, emotion, theme });
}
