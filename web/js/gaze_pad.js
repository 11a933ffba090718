/** The gaze pad: a face whose eyes follow the pointer, in degrees, with the limits of what looks natural. */

import { app } from "../../../scripts/app.js";
import { drawFace, eyesOf } from "./shared/face.js";
import { Surface, label, roundedBox, snapped } from "./shared/surface.js";
import { commit, numberField, once, valueWidget } from "./shared/widget.js";
import { word } from "./shared/words.js";

const STEP = 0.5; // degrees, when dragging
const FINE = 0.1;
const MAGNET = 1; // degrees around each axis that snap to it
const MARGIN = 9;

app.registerExtension({
  name: "vasa.gazePad",
  getCustomWidgets: () => ({ VASA_GAZE: valueWidget({ height: 200, make: makeGazePad }) }),
});

function makeGazePad(model) {
  const { ranges, natural } = model;
  const before = { value: null };
  const surface = new Surface({
    draw: (context, view) => drawPad(context, view, model),
    drag: {
      start: (point) => {
        before.value = model.value;
        follow(point);
      },
      move: follow,
      end: commit,
      cancel: () => model.replace(before.value),
    },
    keys: (key, fine) => {
      const step = fine ? FINE : 1;
      const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
      if (key === "0" || key === "Home") once(() => model.set({ yaw: 0, pitch: 0 }));
      else if (moves[key]) once(() => nudge(...moves[key]));
      else return false;
      return true;
    },
    reset: () => once(() => model.set({ yaw: 0, pitch: 0 })),
  });

  function follow({ x, y, fine }) {
    const pad = padOf(surface.canvas.clientWidth, surface.canvas.clientHeight, ranges);
    const step = fine ? FINE : STEP;
    const near = (degrees) => (!fine && Math.abs(degrees) < MAGNET ? 0 : degrees);
    model.set({
      yaw: snapped(near((x - pad.x) / pad.scale), ranges.yaw, step),
      pitch: snapped(near((pad.y - y) / pad.scale), ranges.pitch, step),
    });
  }

  function nudge(right, up) {
    const { yaw, pitch } = numbersOf(model);
    model.set({ yaw: snapped(yaw + right, ranges.yaw, FINE), pitch: snapped(pitch + up, ranges.pitch, FINE) });
  }

  const fields = ["yaw", "pitch"].map((name) =>
    numberField({
      label: name,
      unit: "°",
      range: ranges[name],
      step: STEP,
      digits: 1,
      read: () => numbersOf(model)[name],
      write: (number) => model.set({ [name]: number }),
    }),
  );

  function show() {
    const { yaw, pitch } = numbersOf(model);
    surface.describe({
      role: "slider",
      "aria-roledescription": "gaze pad",
      "aria-label": word("gaze"),
      "aria-valuemin": ranges.yaw[0],
      "aria-valuemax": ranges.yaw[1],
      "aria-valuenow": yaw,
      "aria-valuetext": inWords(yaw, pitch, natural),
    });
    fields.forEach((field) => field.show());
    surface.redraw();
  }

  return { surface, fields, show };
}

function numbersOf(model) {
  const { yaw = 0, pitch = 0 } = model.understood ? model.value : {};
  return { yaw, pitch };
}

function inWords(yaw, pitch, natural) {
  const beyond = isNatural(yaw, pitch, natural) ? "" : ` (> ±${natural.yaw}°, ±${natural.pitch}°)`;
  return `${word("yaw")} ${yaw.toFixed(1)}°, ${word("pitch")} ${pitch.toFixed(1)}°${beyond}`;
}

function isNatural(yaw, pitch, natural) {
  return Math.abs(yaw) <= natural.yaw && Math.abs(pitch) <= natural.pitch;
}

/** The centre of the pad and its pixels per degree: the whole range fits, equal on both axes. */
function padOf(width, height, { yaw, pitch }) {
  const scale = Math.min((width - 2 * MARGIN) / (yaw[1] - yaw[0]), (height - 2 * MARGIN) / (pitch[1] - pitch[0]));
  return { x: width / 2, y: height / 2, scale };
}

function drawPad(context, { width, height, theme }, model) {
  const { ranges, natural } = model;
  const gaze = numbersOf(model);
  const pad = padOf(width, height, ranges);
  const box = [ranges.yaw[0], ranges.pitch[0], ranges.yaw[1], ranges.pitch[1]].map((degrees) => degrees * pad.scale);
  roundedBox(context, 0, 0, width, height, 8);
  context.fillStyle = theme.surface;
  context.fill();
  context.save();
  context.clip();
  drawGrid(context, pad, width, height, theme);
  const face = { x: pad.x, y: pad.y, radius: Math.min(box[3] * 0.95, height / 2.25), gaze, theme };
  drawFace(context, face);
  drawLimits(context, pad, natural, theme);
  const target = { x: pad.x + gaze.yaw * pad.scale, y: pad.y - gaze.pitch * pad.scale };
  const colour = isNatural(gaze.yaw, gaze.pitch, natural) ? theme.accent : theme.warning;
  drawSight(context, eyesOf(face), target, colour);
  drawTarget(context, target, colour, theme, { width, height });
  context.restore();
}

function drawGrid(context, pad, width, height, theme) {
  context.lineWidth = 1;
  for (let degrees = -60; degrees <= 60; degrees += 10) {
    context.strokeStyle = degrees ? theme.grid : theme.line;
    const x = pad.x + degrees * pad.scale;
    const y = pad.y + degrees * pad.scale;
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, height);
    context.moveTo(0, y);
    context.lineTo(width, y);
    context.stroke();
  }
}

function drawLimits(context, pad, natural, theme) {
  const half = { x: natural.yaw * pad.scale, y: natural.pitch * pad.scale };
  roundedBox(context, pad.x - half.x, pad.y - half.y, 2 * half.x, 2 * half.y, 10);
  context.setLineDash([4, 4]);
  context.lineWidth = 1.25;
  context.strokeStyle = theme.muted;
  context.stroke();
  context.setLineDash([]);
  label(context, `±${natural.yaw}°`, pad.x + half.x + 5, pad.y, { theme, align: "left" });
  label(context, `±${natural.pitch}°`, pad.x + half.x + 5, pad.y + half.y - 6, { theme, align: "left" });
}

function drawSight(context, eyes, target, colour) {
  for (const eye of eyes) {
    const line = context.createLinearGradient(eye.x, eye.y, target.x, target.y);
    line.addColorStop(0, `${colour}00`);
    line.addColorStop(1, `${colour}99`);
    context.strokeStyle = line;
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(eye.x, eye.y);
    context.lineTo(target.x, target.y);
    context.stroke();
  }
}

function drawTarget(context, { x, y }, colour, theme, { width, height }) {
  context.strokeStyle = `${colour}40`;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(x, 0);
  context.lineTo(x, height);
  context.moveTo(0, y);
  context.lineTo(width, y);
  context.stroke();
  context.beginPath();
  context.arc(x, y, 7, 0, 2 * Math.PI);
  context.fillStyle = `${colour}38`;
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = colour;
  context.stroke();
  context.beginPath();
  context.arc(x, y, 2, 0, 2 * Math.PI);
  context.fillStyle = theme.dark ? "#fff" : colour;
  context.fill();
}
