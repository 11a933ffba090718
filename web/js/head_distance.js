/** The head-distance control: the framing as a picture that one pulls nearer or pushes away, and a ruler. */

import { app } from "../../../scripts/app.js";
import { drawFace, headOutline } from "./shared/face.js";
import { Surface, label, roundedBox, snapped } from "./shared/surface.js";
import { commit, numberField, once, valueWidget } from "./shared/widget.js";
import { word } from "./shared/words.js";

const STEP = 0.01;
const COARSE = 0.05; // for the arrow keys
const MAGNET = 0.025; // how near to 1 it snaps to 1
const RULER = 40; // height in pixels
const MARGIN = 14;
const HEAD = 0.27; // half the height of the head at distance 1, as a part of the frame's height

app.registerExtension({
  name: "vasa.headDistance",
  getCustomWidgets: () => ({ VASA_DISTANCE: valueWidget({ height: 200, make: makeHeadDistance }) }),
});

function makeHeadDistance(model) {
  const range = model.ranges.distance;
  const grip = { ruler: false, reach: 1, distance: 1, before: null };
  const read = () => (model.understood ? (model.value.distance ?? 1) : 1);
  const write = (distance, step = STEP) => model.set({ distance: snapped(distance, range, step) });

  const surface = new Surface({
    draw: (context, view) => drawControl(context, view, read(), model),
    drag: {
      start: (point) => {
        const place = layout(surface.canvas.clientWidth, surface.canvas.clientHeight);
        grip.before = model.value;
        grip.ruler = point.y > place.ruler.y - 6;
        grip.distance = read();
        grip.reach = reach(point, place);
        if (grip.ruler) move(point);
      },
      move,
      end: commit,
      cancel: () => model.replace(grip.before),
    },
    hover: (point) => {
      const place = layout(surface.canvas.clientWidth, surface.canvas.clientHeight);
      return point && point.y > place.ruler.y - 6 ? "ew-resize" : "grab";
    },
    keys: (key, fine) => {
      const step = fine ? STEP : COARSE;
      const moves = { ArrowRight: step, ArrowUp: step, ArrowLeft: -step, ArrowDown: -step, PageUp: 0.2, PageDown: -0.2 };
      if (key === "0") once(() => write(1));
      else if (key === "Home") once(() => write(range[0]));
      else if (key === "End") once(() => write(range[1]));
      else if (moves[key]) once(() => write(read() + moves[key]));
      else return false;
      return true;
    },
    reset: () => once(() => write(1)),
  });

  function move(point) {
    const place = layout(surface.canvas.clientWidth, surface.canvas.clientHeight);
    let distance;
    if (grip.ruler) distance = distanceAt(point.x, place.ruler, range);
    else distance = grip.distance * (grip.reach / reach(point, place)); // the head grows with the pull
    if (!point.fine && Math.abs(distance - 1) < MAGNET) distance = 1;
    write(distance);
  }

  const field = numberField({
    label: "distance",
    range,
    step: STEP,
    digits: 2,
    read,
    write: (number) => model.set({ distance: number }),
  });

  function show() {
    const distance = read();
    const [near, far] = model.natural.distance;
    const beyond = distance < near ? ` (< ${near})` : distance > far ? ` (> ${far})` : "";
    surface.describe({
      role: "slider",
      "aria-label": word("head distance"),
      "aria-valuemin": range[0],
      "aria-valuemax": range[1],
      "aria-valuenow": distance,
      "aria-valuetext": `${distance.toFixed(2)}, ${Math.round(100 / distance)} %${beyond}`,
    });
    field.show();
    surface.redraw();
  }

  return { surface, fields: [field], show };
}

/** Where things are: the picture's frame, and the ruler below. */
function layout(width, height) {
  const high = Math.max(40, height - RULER - 6);
  const wide = Math.min(width - 12, high * 1.5);
  const frame = { x: (width - wide) / 2, y: 6, width: wide, height: high - 6 };
  return {
    frame,
    centre: { x: width / 2, y: frame.y + frame.height * 0.45 },
    ruler: { x: MARGIN, y: height - RULER + 4, width: width - 2 * MARGIN },
  };
}

/** How far a point is from the middle of the head, never so little that a drag would jump. */
function reach({ x, y }, { centre }) {
  return Math.max(24, Math.hypot(x - centre.x, y - centre.y));
}

function xAt(distance, ruler, [low, high]) {
  return ruler.x + (ruler.width * Math.log(distance / low)) / Math.log(high / low);
}

function distanceAt(x, ruler, [low, high]) {
  return low * (high / low) ** ((x - ruler.x) / ruler.width);
}

function drawControl(context, { width, height, theme }, distance, model) {
  const place = layout(width, height);
  const [near, far] = model.natural.distance;
  const natural = distance >= near && distance <= far;
  const colour = natural ? theme.accent : theme.warning;
  roundedBox(context, 0, 0, width, height, 8);
  context.fillStyle = theme.surface;
  context.fill();
  drawFraming(context, place, distance, colour, theme);
  drawRuler(context, place.ruler, distance, colour, model, theme);
}

function drawFraming(context, { frame, centre }, distance, colour, theme) {
  const own = frame.height * HEAD;
  roundedBox(context, frame.x, frame.y, frame.width, frame.height, 6);
  context.fillStyle = theme.raised;
  context.fill();
  context.save();
  context.clip();
  drawFace(context, { ...centre, radius: own / distance, theme, bust: true });
  if (Math.abs(distance - 1) > 0.004) {
    context.save(); // the head as it is in the picture
    context.translate(centre.x, centre.y);
    context.scale(own, own);
    headOutline(context);
    context.restore();
    context.setLineDash([4, 4]);
    context.lineWidth = 1.25;
    context.strokeStyle = theme.muted;
    context.stroke();
    context.setLineDash([]);
  }
  context.restore();
  drawCorners(context, frame, theme);
  const size = `${Math.round(100 / distance)} %`;
  label(context, size, frame.x + frame.width - 9, frame.y + 13, { theme, size: 11, align: "right", colour, weight: 600 });
}

/** The corners of a view finder. */
function drawCorners(context, { x, y, width, height }, theme) {
  const length = 10;
  context.lineWidth = 1.5;
  context.strokeStyle = theme.muted;
  context.beginPath();
  for (const [cornerX, cornerY, right, down] of [
    [x, y, 1, 1],
    [x + width, y, -1, 1],
    [x, y + height, 1, -1],
    [x + width, y + height, -1, -1],
  ]) {
    context.moveTo(cornerX + 4 * right, cornerY + (4 + length) * down);
    context.lineTo(cornerX + 4 * right, cornerY + 4 * down);
    context.lineTo(cornerX + (4 + length) * right, cornerY + 4 * down);
  }
  context.stroke();
}

function drawRuler(context, ruler, distance, colour, { ranges, natural }, theme) {
  const range = ranges.distance;
  const at = (value) => xAt(value, ruler, range);
  const [near, far] = natural.distance;
  const y = ruler.y + 9;
  roundedBox(context, ruler.x, y - 2, ruler.width, 4, 2);
  context.fillStyle = theme.line;
  context.fill();
  roundedBox(context, at(near), y - 2, at(far) - at(near), 4, 2);
  context.fillStyle = theme.accent;
  context.globalAlpha = 0.8;
  context.fill();
  context.globalAlpha = 1;
  for (const value of [range[0], near, 1, far, range[1]]) {
    context.fillStyle = value === 1 ? theme.text : theme.muted;
    context.fillRect(at(value) - 0.5, y + 6, 1, 5);
    const align = value === range[0] ? "left" : value === range[1] ? "right" : "center";
    const x = value === range[0] ? ruler.x - 5 : value === range[1] ? ruler.x + ruler.width + 5 : at(value);
    label(context, String(value), x, y + 19, { theme, align, colour: value === 1 ? theme.text : theme.muted });
  }
  context.beginPath();
  context.arc(at(distance), y, 7, 0, 2 * Math.PI);
  context.fillStyle = theme.raised;
  context.fill();
  context.lineWidth = 2.5;
  context.strokeStyle = colour;
  context.stroke();
}
