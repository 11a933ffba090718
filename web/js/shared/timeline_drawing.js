/** What the control timeline looks like. */

import { drawFace } from "./face.js";
import { LANES, keysOf, laneAt, laneCurve, numberOf } from "./keys.js";
import { RULER, SIDE, WAVE, shownChannels } from "./stage.js";
import { label, roundedBox } from "./surface.js";
import { addPeaks } from "./waveform.js";
import { word } from "./words.js";

const TICKS = [0.04, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600]; // seconds
const NAMES = { gaze: "gaze", distance: "head distance", emotion: "emotion" };
const FACE = 19; // radius of the small face
const BADGE = FACE + 5; // and of the disc below it

/** content: {value, state: {lane, channel, chosen, time}, waveform, ranges, natural}. */
export function drawTimeline(context, { theme, focused }, stage, content) {
  const { width, height } = stage;
  roundedBox(context, 0, 0, width, height, 8);
  context.fillStyle = theme.surface;
  context.fill();
  context.save();
  context.clip();
  for (const lane of Object.keys(LANES)) drawLane(context, stage, lane, content, theme, focused);
  drawSound(context, stage, content, theme);
  drawSeconds(context, stage, theme);
  if (stage.guide !== null) drawLine(context, stage, stage.guide, WAVE, theme.warning);
  for (const lane of Object.keys(LANES)) drawKeys(context, stage, lane, content, theme);
  drawHead(context, stage, content, theme);
  context.restore();
}

/** The seconds between two marks of the ruler, at least 46 pixels apart. */
function tickOf(stage) {
  return TICKS.find((seconds) => seconds * stage.scale >= 46) ?? TICKS.at(-1);
}

function drawSeconds(context, stage, theme) {
  const tick = tickOf(stage);
  for (let k = Math.ceil(stage.from / tick - 1e-6); k * tick <= stage.to + 1e-6; k++) {
    const x = stage.xAt(k * tick);
    context.fillStyle = theme.grid;
    context.fillRect(x, RULER, 1, stage.height);
    context.fillStyle = theme.line;
    context.fillRect(x, 0, 1, RULER - 3);
    if (x < stage.width - 30) label(context, clock(k * tick, tick), x + 4, 7, { theme, align: "left", size: 9 });
  }
}

function clock(seconds, tick) {
  const digits = tick < 0.1 ? 2 : tick < 1 ? 1 : 0;
  const minutes = Math.floor(seconds / 60 + 1e-9);
  const rest = Math.max(0, seconds - 60 * minutes).toFixed(digits);
  return minutes ? `${minutes}:${rest.padStart(digits ? digits + 3 : 2, "0")}` : `${rest} s`;
}

function drawSound(context, stage, { waveform }, theme) {
  const box = { x: SIDE, y: RULER, width: stage.width - 2 * SIDE, height: WAVE - RULER };
  context.fillStyle = `${theme.accent}c0`;
  context.fill(stage.path("sound", [waveform.peaks], (path) => addPeaks(path, waveform, stage.from, stage.to, box)));
  if (!waveform.seconds) {
    context.fillStyle = theme.line;
    context.fillRect(box.x, (RULER + WAVE) / 2, box.width, 1);
  } else if (waveform.seconds < stage.to) {
    const end = Math.max(0, stage.xAt(waveform.seconds)); // after it nobody speaks
    context.fillStyle = theme.grid;
    context.fillRect(end, RULER, stage.width - end, stage.height);
  }
}

/** A lane's box, its name and its curves. */
function drawLane(context, stage, lane, { value, state, ranges, natural }, theme, focused) {
  const { y, height } = stage.lane(lane);
  const active = state.lane === lane;
  context.fillStyle = active ? theme.raised : `${theme.raised}70`;
  context.fillRect(0, y, stage.width, height);
  const edited = state.channel[lane];
  drawNatural(context, stage, lane, edited, { ranges, natural }, theme);
  if (active) {
    context.fillStyle = focused ? theme.accent : theme.muted;
    context.fillRect(0, y, 3, height);
  }
  for (const channel of shownChannels(value, lane, state.channel)) {
    drawCurve(context, stage, lane, channel, value, ranges[channel], theme, active && channel === edited);
  }
  const name = { theme, align: "left", size: 10, weight: 600, colour: active ? theme.text : theme.muted };
  label(context, word(NAMES[lane]), SIDE, y + 10, name);
  drawLegend(context, stage, lane, { value, state }, theme);
}

/** A line where the edited channel rests, and a band over what looks natural. */
function drawNatural(context, stage, lane, channel, { ranges, natural }, theme) {
  const range = ranges[channel];
  const limits = natural[channel];
  if (limits !== undefined) {
    const [low, high] = Array.isArray(limits) ? limits : [-limits, limits];
    const [top, bottom] = [stage.yAt(lane, high, range), stage.yAt(lane, low, range)];
    context.fillStyle = theme.grid;
    context.fillRect(SIDE, top, stage.width - 2 * SIDE, bottom - top);
  }
  context.fillStyle = theme.line;
  context.fillRect(SIDE, stage.yAt(lane, numberOf({}, channel), range), stage.width - 2 * SIDE, 1);
}

/** Names of the channels with a dot in their colours, from the right, as long as there is room. */
function drawLegend(context, stage, lane, { value, state }, theme) {
  if (lane === "distance") return;
  let right = stage.width - SIDE;
  for (const channel of shownChannels(value, lane, state.channel).reverse()) {
    const edited = state.lane === lane && state.channel[lane] === channel;
    const [weight, colour] = edited ? [700, theme.text] : [500, theme.muted];
    if (right < 130) return;
    const y = stage.lane(lane).y + 10;
    label(context, word(channel), right, y, { theme, align: "right", size: 9.5, weight, colour });
    right -= context.measureText(word(channel)).width + 6;
    context.beginPath();
    context.arc(right, y, 3, 0, 2 * Math.PI);
    context.fillStyle = colourOf(channel, theme);
    context.fill();
    right -= 10;
  }
}

/** Colour of a channel. */
function colourOf(channel, theme) {
  return theme.emotions[channel] ?? (channel === "pitch" ? theme.warning : theme.accent);
}

function drawCurve(context, stage, lane, channel, value, range, theme, edited) {
  const empty = !keysOf(value, lane).length;
  const path = stage.path(`curve of ${channel}`, [value[lane]], (path) => {
    const curve = laneCurve(value, lane, channel);
    for (let x = SIDE; x <= stage.width - SIDE; x += 1.5) {
      path.lineTo(x, stage.yAt(lane, curve(stage.from + (x - SIDE) / stage.scale), range));
    }
  });
  context.strokeStyle = colourOf(channel, theme);
  context.setLineDash(empty ? [3, 4] : []);
  context.lineWidth = edited ? 2.25 : 1.25;
  context.lineJoin = "round";
  context.stroke(path);
  context.setLineDash([]);
}

/** The keys of a lane as diamonds, the chosen one filled. */
function drawKeys(context, stage, lane, { value, state, ranges }, theme) {
  const active = state.lane === lane;
  const keys = keysOf(value, lane);
  const chosen = active && state.chosen !== null ? keys[state.chosen] : null;
  for (const channel of shownChannels(value, lane, state.channel)) {
    const edited = active && state.channel[lane] === channel;
    const place = (key) => ({ x: stage.xAt(key.t), y: stage.yAt(lane, numberOf(key, channel), ranges[channel]) });
    const others = stage.path(`keys of ${channel}`, [value[lane], chosen, edited], (path) => {
      const seen = keys.filter((key) => key !== chosen && stage.xAt(key.t) > -8 && stage.xAt(key.t) < stage.width + 8);
      for (const key of seen) addDiamond(path, place(key), edited ? 5.5 : 4);
    });
    const colour = colourOf(channel, theme);
    paint(context, others, theme.surface, colour);
    if (!chosen) continue;
    const one = new Path2D();
    addDiamond(one, place(chosen), edited ? 7 : 4);
    paint(context, one, colour, edited ? theme.text : colour);
  }
}

function addDiamond(path, { x, y }, size) {
  path.moveTo(x, y - size);
  path.lineTo(x + size, y);
  path.lineTo(x, y + size);
  path.lineTo(x - size, y);
  path.closePath();
}

function paint(context, path, inside, line) {
  context.fillStyle = inside;
  context.fill(path);
  context.strokeStyle = line;
  context.lineWidth = 1.5;
  context.stroke(path);
}

function drawLine(context, stage, time, top, colour) {
  context.fillStyle = colour;
  context.fillRect(stage.xAt(time) - 0.5, top, 1, stage.height);
}

/** The time that the fields show, the time below the pointer, and the face as it will be there. */
function drawHead(context, stage, { value, state }, theme) {
  const time = stage.pointed ?? state.time;
  if (stage.pointed !== null) drawLine(context, stage, time, RULER, `${theme.text}50`);
  drawLine(context, stage, state.time, RULER - 2, `${theme.text}b0`);
  const x = stage.xAt(state.time);
  context.beginPath();
  context.moveTo(x - 5, 2);
  context.lineTo(x + 5, 2);
  context.lineTo(x, RULER);
  context.closePath();
  context.fillStyle = theme.text;
  context.fill();
  drawBadge(context, stage, time, value, theme);
}

function drawBadge(context, stage, time, value, theme) {
  const at = stage.xAt(time);
  if (at < 0 || at > stage.width) return;
  const x = at + BADGE + 9 + BADGE > stage.width ? at - BADGE - 9 : at + BADGE + 9;
  const y = RULER + 1 + BADGE;
  const [yaw, pitch] = LANES.gaze.map((channel) => laneAt(value, "gaze", channel, time));
  const emotion = Object.fromEntries(LANES.emotion.map((channel) => [channel, laneAt(value, "emotion", channel, time)]));
  const radius = FACE / Math.max(0.5, laneAt(value, "distance", "distance", time));
  context.save();
  context.beginPath();
  context.arc(x, y, BADGE, 0, 2 * Math.PI);
  context.fillStyle = theme.surface;
  context.fill();
  context.strokeStyle = theme.line;
  context.lineWidth = 1;
  context.stroke();
  context.clip();
  drawFace(context, { x, y: y + 1, radius, gaze: { yaw, pitch }, emotion, theme });
  context.restore();
}
