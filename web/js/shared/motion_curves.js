/** The curves of a motion below a cursor, and the schematic face at a moment of it. Pure drawing. */

import { drawFace } from "./face.js";
import { label, roundedBox } from "./surface.js";

/** Numbers of a theme's colours for curves; codes without a name take them in turn. */
const NAMED = { yaw: 0, pitch: 1, roll: 2, x: 3, y: 4, scale: 5, jaw: 3, smile: 5, pucker: 6, blink: 4, brows: 2 };
const LEAST = { head: [-5, 5], place: [-0.1, 0.1], scale: [0.95, 1.05], mouth: [0, 0.5], eyes: [0, 1], gaze: [-5, 5] };
const MARGIN = 6; // pixels around the curves of a strip
const FOOT = 15; // pixels for the seconds
const GAP = 4;

/** The colour of a curve by its name. */
export function colourOf({ name }, { curves }) {
  const index = NAMED[name] ?? NAMED[name.split(" ")[1]] ?? Number(name) - 1;
  return curves[index % curves.length];
}

/** A curve's value at a frame. */
export function valueAt({ values, frames_per_value: frames }, frame) {
  return values[Math.min(values.length - 1, Math.floor(frame / frames))];
}

/** The frame at x of a surface of this width. */
export function frameAt(x, width, motion) {
  const frame = Math.floor((x / width) * motion.frames);
  return Math.min(motion.frames - 1, Math.max(0, frame));
}

/** A backdrop with all curves, drawn again only when something but the cursor changes. */
export class Curves {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.drawn = [];
  }

  /** Draw `shown` curves of `motion` with the cursor at `frame`. */
  draw(context, { width, height, theme }, motion, shown, frame) {
    const { canvas } = context;
    const now = [motion, shown.map((curve) => curve.name).join(), canvas.width, canvas.height, theme.dark];
    if (now.some((value, k) => value !== this.drawn[k])) {
      this.drawn = now;
      this.canvas.width = canvas.width;
      this.canvas.height = canvas.height;
      const behind = this.canvas.getContext("2d");
      behind.setTransform(canvas.width / width, 0, 0, canvas.height / height, 0, 0);
      this.strips = stripsOf(shown, width, height);
      drawBackdrop(behind, { width, height, theme }, motion, this.strips);
    }
    context.save();
    context.resetTransform(); // pixel for pixel, which is much faster
    context.drawImage(this.canvas, 0, 0);
    context.restore();
    drawCursor(context, { width, height, theme }, motion, this.strips, frame);
  }
}

/** One strip for each group of curves: {curves, low, high, top, bottom}. */
function stripsOf(shown, width, height) {
  const groups = [...new Set(shown.map((curve) => curve.group))];
  const tall = (height - FOOT - GAP * Math.max(0, groups.length - 1)) / groups.length;
  return groups.map((group, k) => {
    const curves = shown.filter((curve) => curve.group === group);
    let [low, high] = LEAST[group] ?? [-0.01, 0.01];
    for (const { values } of curves) for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
    const top = k * (tall + GAP);
    return { curves, low, high, top, bottom: top + tall, width };
  });
}

function heightOf({ low, high, top, bottom }, value) {
  return bottom - MARGIN - ((value - low) / (high - low)) * (bottom - top - 2 * MARGIN);
}

function drawBackdrop(context, { width, height, theme }, motion, strips) {
  const duration = motion.frames / motion.fps;
  const step = tickOf(duration, width);
  for (const strip of strips) {
    roundedBox(context, 0, strip.top, width, strip.bottom - strip.top, 6);
    context.fillStyle = theme.surface;
    context.fill();
    context.save();
    context.clip();
    context.strokeStyle = theme.grid;
    context.lineWidth = 1;
    for (let second = step; second < duration; second += step) {
      line(context, (second / duration) * width, strip.top, (second / duration) * width, strip.bottom);
    }
    const zero = strip.low <= 0 && strip.high >= 0 ? 0 : 1; // a scale rests at 1
    context.strokeStyle = theme.line;
    line(context, 0, heightOf(strip, zero), width, heightOf(strip, zero));
    for (const curve of strip.curves) drawCurve(context, strip, curve, motion, theme);
    context.restore();
    const { unit } = strip.curves[0];
    drawEnd(context, `${short(strip.high)}${unit}`, strip.top + 8, theme);
    if (strip.bottom - strip.top > 30) drawEnd(context, `${short(strip.low)}${unit}`, strip.bottom - 7, theme);
  }
  for (let second = 0; second <= duration - step * 0.3; second += step) {
    const text = `${Number(second.toFixed(2))} s`;
    label(context, text, Math.max(1, (second / duration) * width), height - 6, { theme, size: 9, align: second ? "center" : "left" });
  }
}

/** An end of a strip's scale, readable over its curves. */
function drawEnd(context, text, y, theme) {
  Object.assign(context, { font: `500 9px ${theme.font}`, textAlign: "left", textBaseline: "middle" });
  Object.assign(context, { lineWidth: 3, lineJoin: "round", strokeStyle: theme.surface });
  context.strokeText(text, 5, y);
  label(context, text, 5, y, { theme, size: 9, align: "left" });
}

/** At most one stroke up and down for each half pixel, however long the motion is. */
function drawCurve(context, strip, curve, motion, theme) {
  const { values, frames_per_value: frames } = curve;
  const { width } = strip;
  const x = (k) => (((k + 0.5) * frames) / motion.frames) * width;
  context.beginPath();
  let column = null;
  const close = () => column && [column.low, column.high, column.last].forEach((y) => context.lineTo(column.x, y));
  values.forEach((value, k) => {
    const y = heightOf(strip, value);
    const place = Math.round(2 * x(k)) / 2;
    if (values.length < width) context.lineTo(x(k), y);
    else if (column?.x === place) Object.assign(column, { low: Math.min(column.low, y), high: Math.max(column.high, y), last: y });
    else {
      close();
      column = { x: place, low: y, high: y, last: y };
    }
  });
  close();
  context.lineWidth = 1.4;
  context.lineJoin = "round";
  context.strokeStyle = colourOf(curve, theme);
  context.stroke();
  if (values.length === 1) dot(context, x(0), heightOf(strip, values[0]), 2.5, colourOf(curve, theme));
}

function drawCursor(context, { width, height, theme }, motion, strips, frame) {
  const x = ((frame + 0.5) / motion.frames) * width;
  context.strokeStyle = theme.text;
  context.lineWidth = 1.25;
  line(context, x, 0, x, height - FOOT);
  for (const strip of strips) {
    for (const curve of strip.curves) {
      const y = heightOf(strip, valueAt(curve, frame));
      dot(context, x, y, 4, theme.surface);
      dot(context, x, y, 3, colourOf(curve, theme));
    }
  }
}

/** The schematic face at a frame: the head's pose of any motion, the rest where the curves have these names. */
export function drawFaceAt(context, { width, height, theme }, motion, frame) {
  const at = (name) => {
    const curve = motion?.curves.find((one) => one.name === name);
    return curve ? valueAt(curve, frame) : 0;
  };
  const within = (value) => Math.min(1, Math.max(-1, value));
  const brows = within(1.6 * at("brows"));
  const feel = {
    browInner: brows,
    browOuter: brows,
    eye: -1.3 * Math.max(0, at("blink")), // closed at 1
    corners: within(1.2 * at("smile")),
    width: within(0.8 * at("smile") - at("pucker")),
    open: within(1.5 * Math.max(0, at("jaw"))),
    cheeks: within(at("smile")),
    ...{ nose: 0, upperLip: 0, press: 0, oneSided: 0 },
  };
  const half = Math.min(width, height) / 2;
  const radius = half * 0.62 * (motion ? at("scale") : 1);
  context.save();
  context.translate(width / 2 + at("x") * half, height * 0.49 + at("y") * half);
  context.rotate((at("roll") * Math.PI) / 180);
  const gaze = { yaw: at("gaze yaw"), pitch: at("gaze pitch") };
  const head = { yaw: 1.5 * at("yaw"), pitch: 1.5 * at("pitch") };
  drawFace(context, { x: 0, y: 0, radius, gaze, head, feel, theme, bust: true });
  context.restore();
}

/** Seconds between two marks: about one for each 60 pixels. */
function tickOf(duration, width) {
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800];
  return steps.find((step) => (duration / step) * 60 <= width) ?? 3600;
}

function short(value) {
  return String(Number(value.toFixed(Math.abs(value) < 10 ? 2 : 0)));
}

function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

function dot(context, x, y, radius, colour) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
}
