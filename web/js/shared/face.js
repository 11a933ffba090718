/** A schematic face that looks and feels: drawn from gaze in degrees and a mixture of emotions. Pure drawing. */

/**
 * What each emotion does to the features at full strength: brows (inner and outer end, up is positive), eyes (wider or
 * narrower), corners of the mouth (up is positive), its opening and width, the nose, and one-sidedness.
 */
const FEATURES = {
  anger: { browInner: -1, browOuter: 0.25, eye: -0.3, corners: -0.45, width: -0.1, press: 0.8, nose: 0.35 },
  contempt: { eye: -0.3, corners: 0.05, oneSided: 1, press: 0.5 },
  disgust: { browInner: -0.6, eye: -0.45, corners: -0.45, nose: 1, upperLip: 1, open: 0.12 },
  fear: { browInner: 0.95, browOuter: 0.1, eye: 0.65, corners: -0.35, width: 0.35, open: 0.3 },
  happiness: { eye: -0.28, corners: 1, width: 0.3, open: 0.26, cheeks: 1, browOuter: 0.12 },
  neutral: {},
  sadness: { browInner: 0.85, browOuter: -0.45, eye: -0.28, corners: -0.85, width: -0.12 },
  surprise: { browInner: 0.85, browOuter: 1, eye: 0.85, open: 0.85, width: -0.3 },
};

/** The features of a mixture {emotion: strength}: sums, kept within what a face can do. */
export function featuresOf(emotion = {}) {
  const sum = { browInner: 0, browOuter: 0, eye: 0, corners: 0, width: 0, open: 0, nose: 0 };
  Object.assign(sum, { upperLip: 0, cheeks: 0, press: 0, oneSided: 0 });
  for (const [name, strength] of Object.entries(emotion)) {
    for (const [feature, amount] of Object.entries(FEATURES[name] ?? {})) sum[feature] += amount * strength;
  }
  for (const feature of Object.keys(sum)) sum[feature] = Math.max(-1, Math.min(1, sum[feature]));
  return sum;
}

/**
 * Draw a head whose height is 2 * radius around (x, y).
 * gaze: {yaw, pitch} in degrees, yaw to the viewer's right, pitch up. emotion: {name: strength 0..1}.
 * bust: also neck and shoulders. feel: features as of featuresOf, in place of an emotion. head: its own {yaw, pitch},
 * where it does not turn after the eyes.
 */
export function drawFace(context, { x, y, radius, gaze = { yaw: 0, pitch: 0 }, emotion = {}, theme, bust = false, ...more }) {
  const feel = more.feel ?? featuresOf(emotion);
  context.save();
  context.translate(x, y);
  context.scale(radius, radius);
  context.lineCap = "round";
  context.lineJoin = "round";
  if (bust) drawBust(context, theme);
  const turn = turnOf(more.head ?? gaze);
  drawHead(context, theme, turn);
  context.translate(turn.x, turn.y);
  if (feel.cheeks > 0.05) drawCheeks(context, feel, theme);
  drawNose(context, feel, theme, turn);
  for (const side of [-1, 1]) {
    drawEye(context, side, gaze, feel, theme);
    drawBrow(context, side, feel, theme);
  }
  drawMouth(context, feel, theme);
  context.restore();
}

/** Where the eyes of drawFace are: [{x, y}, {x, y}], for lines of sight. */
export function eyesOf({ x, y, radius, gaze }) {
  const turn = turnOf(gaze);
  return [-1, 1].map((side) => ({ x: x + radius * (side * EYE.x + turn.x), y: y + radius * (EYE.y + turn.y) }));
}

/** The features slide a little over the head, as on a ball that turns after the eyes. */
function turnOf({ yaw, pitch }) {
  return { x: 0.16 * Math.sin(radians(yaw)), y: -0.16 * Math.sin(radians(pitch)) };
}

const EYE = { x: 0.31, y: -0.1, width: 0.19, height: 0.125, iris: 0.1 };
const HEAD = { width: 0.74, height: 0.98 };

function drawHead(context, theme, turn) {
  const shade = context.createLinearGradient(0, -HEAD.height, 0, HEAD.height);
  shade.addColorStop(0, theme.skin);
  shade.addColorStop(1, theme.shade);
  for (const side of [-1, 1]) {
    ellipse(context, side * HEAD.width * 0.98, 0.0, 0.1, 0.2);
    context.fillStyle = theme.shade;
    context.fill();
  }
  headOutline(context);
  context.fillStyle = shade;
  context.fill();
  drawHair(context, theme, turn);
}

/** Short hair, parted on the viewer's left. */
function drawHair(context, theme, turn) {
  const { width, height } = HEAD;
  const [x, y] = [turn.x * 0.6, turn.y * 0.6];
  context.beginPath();
  context.moveTo(-width * 1.02, -0.06);
  context.bezierCurveTo(-width * 1.22, -0.62, -width * 0.8, -height * 1.12, 0.02, -height * 1.1);
  context.bezierCurveTo(width * 0.84, -height * 1.12, width * 1.22, -0.62, width * 1.02, -0.06);
  context.bezierCurveTo(width * 0.98, -0.24, width * 0.93 + x, -0.4 + y, width * 0.76 + x, -0.5 + y);
  context.bezierCurveTo(width * 0.3 + x, -0.5 + y, -width * 0.1 + x, -0.6 + y, -width * 0.36 + x, -0.76 + y);
  context.bezierCurveTo(-width * 0.5 + x, -0.62 + y, -width * 0.92 + x, -0.5 + y, -width * 1.02, -0.06);
  context.closePath();
  context.fillStyle = theme.hair;
  context.fill();
}

/** The path of the head alone, in units of its half height around (0, 0): an egg with its narrow end down. */
export function headOutline(context) {
  const { width, height } = HEAD;
  context.beginPath();
  context.moveTo(0, -height);
  context.bezierCurveTo(width * 0.82, -height, width * 1.03, -0.5, width, -0.02);
  context.bezierCurveTo(width * 0.96, 0.52, width * 0.52, height, 0, height);
  context.bezierCurveTo(-width * 0.52, height, -width * 0.96, 0.52, -width, -0.02);
  context.bezierCurveTo(-width * 1.03, -0.5, -width * 0.82, -height, 0, -height);
  context.closePath();
}

function drawBust(context, theme) {
  context.beginPath();
  context.moveTo(-0.3, 0.6);
  context.bezierCurveTo(-0.3, 1.2, -0.35, 1.26, -0.8, 1.38);
  context.bezierCurveTo(-1.3, 1.5, -1.5, 1.8, -1.55, 3.2);
  context.lineTo(1.55, 3.2);
  context.bezierCurveTo(1.5, 1.8, 1.3, 1.5, 0.8, 1.38);
  context.bezierCurveTo(0.35, 1.26, 0.3, 1.2, 0.3, 0.6);
  context.closePath();
  context.fillStyle = theme.shade;
  context.globalAlpha *= 0.75;
  context.fill();
  context.globalAlpha /= 0.75;
}

function drawEye(context, side, gaze, feel, theme) {
  const open = Math.max(0.12, 1 + 0.75 * feel.eye);
  const top = -EYE.height * Math.max(0.12, open + 0.012 * gaze.pitch); // the lid goes with the eye
  const bottom = EYE.height * (0.62 + 0.2 * feel.eye - 0.28 * feel.cheeks);
  const { width } = EYE;
  context.save();
  context.translate(side * EYE.x, EYE.y);
  context.beginPath();
  context.moveTo(-width, 0.02);
  context.bezierCurveTo(-width * 0.55, top * 1.35, width * 0.55, top * 1.35, width, 0.02);
  context.bezierCurveTo(width * 0.5, bottom * 1.45, -width * 0.5, bottom * 1.45, -width, 0.02);
  context.closePath();
  context.fillStyle = theme.eye;
  context.fill();
  context.save();
  context.clip();
  const iris = { x: 0.2 * Math.sin(radians(gaze.yaw)), y: -0.02 - 0.19 * Math.sin(radians(gaze.pitch)) };
  circle(context, iris.x, iris.y, EYE.iris);
  context.fillStyle = theme.iris;
  context.fill();
  circle(context, iris.x, iris.y, EYE.iris * 0.5);
  context.fillStyle = theme.pupil;
  context.fill();
  circle(context, iris.x + 0.035, iris.y - 0.04, 0.022);
  context.fillStyle = "#ffffffd0";
  context.fill();
  context.restore();
  context.beginPath();
  context.moveTo(-width, 0.02);
  context.bezierCurveTo(-width * 0.55, top * 1.35, width * 0.55, top * 1.35, width, 0.02);
  stroke(context, theme.feature, 0.032);
  context.restore();
}

function drawBrow(context, side, feel, theme) {
  const y = -0.36 - 0.02 * feel.eye;
  const raised = feel.oneSided * (side > 0 ? 0.1 : -0.02);
  const inner = y - 0.12 * feel.browInner - raised * 0.5;
  const outer = y + 0.03 - 0.12 * feel.browOuter - raised;
  const peak = Math.min(inner, outer) - 0.05 - 0.04 * Math.max(0, feel.browOuter);
  const near = 0.15 + 0.03 * Math.max(0, -feel.browInner) * -1;
  context.beginPath();
  context.moveTo(side * near, inner);
  context.quadraticCurveTo(side * 0.36, feel.browInner < -0.3 ? (inner + outer) / 2 - 0.03 : peak, side * 0.53, outer);
  stroke(context, theme.feature, 0.062);
}

function drawNose(context, feel, theme, turn) {
  const lift = -0.05 * feel.nose;
  context.beginPath();
  context.moveTo(-0.09 + turn.x * 0.3, 0.27 + lift);
  context.quadraticCurveTo(turn.x * 0.5, 0.35 + lift, 0.09 + turn.x * 0.3, 0.27 + lift);
  stroke(context, theme.feature, 0.032, 0.55);
  if (feel.nose < 0.08) return;
  for (const side of [-1, 1]) {
    for (const row of [0, 1]) {
      context.beginPath();
      context.moveTo(side * 0.05, -0.1 + 0.085 * row);
      context.lineTo(side * 0.115, -0.135 + 0.085 * row);
      stroke(context, theme.feature, 0.024, 0.6 * feel.nose);
    }
    context.beginPath();
    context.moveTo(side * 0.16, 0.24);
    context.quadraticCurveTo(side * 0.28, 0.33, side * 0.31, 0.45);
    stroke(context, theme.feature, 0.026, 0.5 * feel.nose);
  }
}

function drawCheeks(context, feel, theme) {
  for (const side of [-1, 1]) {
    ellipse(context, side * 0.44, 0.2, 0.15, 0.085);
    context.globalAlpha = 0.22 * feel.cheeks;
    context.fillStyle = theme.dark ? "#ff9d8a" : "#f08a78";
    context.fill();
    context.globalAlpha = 1;
  }
}

function drawMouth(context, feel, theme) {
  const half = 0.27 * (1 + 0.35 * feel.width);
  const y = 0.58 - 0.02 * feel.open;
  const lift = [-1, 1].map((side) => -0.13 * feel.corners - (side > 0 ? 0.12 * feel.oneSided : 0));
  const sag = 0.07 * feel.corners; // the middle goes the other way than the corners
  const upper = y + sag - 0.09 * feel.upperLip - 0.13 * feel.open * (feel.corners > 0.4 ? 0.25 : 1);
  const lower = y + sag + 0.3 * feel.open * (1 - 0.3 * feel.press);
  const left = { x: -half, y: y + lift[0] };
  const right = { x: half + 0.03 * feel.oneSided, y: y + lift[1] };
  const bend = half * 0.55;
  context.beginPath();
  context.moveTo(left.x, left.y);
  context.bezierCurveTo(-bend, upper, bend, upper, right.x, right.y);
  if (feel.open > 0.03) {
    context.bezierCurveTo(bend * 1.05, lower + 0.05 * feel.open, -bend * 1.05, lower + 0.05 * feel.open, left.x, left.y);
    context.closePath();
    context.fillStyle = theme.mouth;
    context.fill();
    if (feel.corners > 0.15 && feel.open > 0.08) {
      context.save();
      context.clip();
      context.fillStyle = theme.teeth;
      context.fillRect(-half, upper - 0.2, 2 * half, 0.2 + 0.075 + 0.1 * feel.corners * feel.open);
      context.restore();
    }
  }
  stroke(context, theme.feature, 0.04 + 0.012 * feel.press);
}

function radians(degrees) {
  return (degrees * Math.PI) / 180;
}

function circle(context, x, y, radius) {
  ellipse(context, x, y, radius, radius);
}

function ellipse(context, x, y, width, height) {
  context.beginPath();
  context.ellipse(x, y, width, height, 0, 0, 2 * Math.PI);
}

function stroke(context, colour, width, alpha = 1) {
  const before = context.globalAlpha;
  context.globalAlpha = before * alpha;
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
  context.globalAlpha = before;
}
