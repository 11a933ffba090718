/** Where the control timeline shows what: seconds and values to pixels and back, and the seconds that are in view. */

import { LANES, keysOf, numberOf, usedChannels } from "./keys.js";

export const RULER = 14; // pixels above the waveform for seconds
export const WAVE = 56; // the waveform's end
export const SIDE = 12; // left and right of the time
const GAP = 4;
const TOP = 20; // from a lane's upper edge to its highest value: its name is there
const BOTTOM = 9;
const SHORTEST = 0.5; // seconds in view
const NEAR = 7; // pixels within which a time snaps
const FRAME = 0.04; // seconds, to whose multiples times snap

export class Stage {
  constructor() {
    Object.assign(this, { width: 1, height: 1, length: 10, from: 0, to: 10, pointed: null, guide: null });
    this.paths = new Map();
  }

  /** A path on the canvas, built anew only where what is in view or one of `parts` has changed. */
  path(name, parts, build) {
    const now = [this.from, this.to, this.width, this.height, ...parts];
    const kept = this.paths.get(name);
    if (kept && now.every((part, k) => part === kept.now[k])) return kept.path;
    const path = new Path2D();
    build(path);
    this.paths.set(name, { now, path });
    return path;
  }

  /** Pixels per second. */
  get scale() {
    return (this.width - 2 * SIDE) / (this.to - this.from);
  }

  xAt(time) {
    return SIDE + (time - this.from) * this.scale;
  }

  timeAt(x) {
    return Math.min(this.length, Math.max(0, this.from + (x - SIDE) / this.scale));
  }

  /** The upper edge and the height of a lane. */
  lane(name) {
    const height = (this.height - WAVE - 3 * GAP) / 3;
    return { y: WAVE + GAP + Object.keys(LANES).indexOf(name) * (height + GAP), height };
  }

  /** The lane at a height, null on the ruler and the waveform. */
  laneAt(y) {
    return Object.keys(LANES).findLast((name) => y >= this.lane(name).y - GAP / 2) ?? null;
  }

  yAt(name, number, [low, high]) {
    const { y, height } = this.lane(name);
    return y + TOP + (1 - (number - low) / (high - low)) * (height - TOP - BOTTOM);
  }

  /** How much a channel changes for each pixel upwards. */
  rise(name, [low, high]) {
    return (high - low) / (this.lane(name).height - TOP - BOTTOM);
  }

  valueAt(name, y, [low, high]) {
    return low + (this.lane(name).y + this.lane(name).height - BOTTOM - y) * this.rise(name, [low, high]);
  }

  /** The key nearest to a point within `reach` pixels: {lane, index, channel}, or null. edited: a channel by lane. */
  hit(value, { x, y }, reach, ranges, edited) {
    let best = { distance: reach };
    const lane = this.laneAt(y);
    if (!lane) return null;
    const shown = shownChannels(value, lane, edited);
    keysOf(value, lane).forEach((key, index) => {
      if (Math.abs(this.xAt(key.t) - x) > reach) return;
      for (const channel of shown) {
        const dot = this.yAt(lane, numberOf(key, channel), ranges[channel]);
        const distance = Math.hypot(this.xAt(key.t) - x, dot - y);
        if (distance < best.distance) best = { distance, lane, index, channel };
      }
    });
    return best.lane ? best : null;
  }

  /** A time at another lane's key or a whole second where one is near, else at a frame; marks where it snapped. */
  snap(time, value, lane) {
    const others = Object.keys(LANES).filter((other) => other !== lane);
    const marks = [Math.round(time), ...others.flatMap((other) => keysOf(value, other).map((key) => key.t))];
    const nearest = marks.reduce((a, b) => (Math.abs(b - time) < Math.abs(a - time) ? b : a));
    this.guide = Math.abs(nearest - time) * this.scale < NEAR ? nearest : null;
    return this.guide ?? Math.round(time / FRAME) * FRAME;
  }

  /** Have `length` seconds; what is in view stays, the whole stays the whole. */
  resize(length) {
    const whole = this.from === 0 && this.to === this.length;
    this.length = length;
    if (whole) this.fit();
    else this.look(this.from, this.to);
  }

  /** Show these seconds, kept within the timeline. */
  look(from, to) {
    const length = Math.min(this.length, Math.max(SHORTEST, to - from));
    this.from = Math.min(Math.max(0, from), this.length - length);
    this.to = this.from + length;
  }

  pan(seconds) {
    this.look(this.from + seconds, this.to + seconds);
  }

  /** Show `factor` times as many seconds; `around` stays where it is. */
  zoom(factor, around) {
    const length = Math.min(this.length, Math.max(SHORTEST, (this.to - this.from) * factor));
    const from = around - ((around - this.from) / (this.to - this.from)) * length;
    this.look(from, from + length);
  }

  /** Bring a time into view. */
  reveal(time) {
    if (time < this.from) this.pan(time - this.from);
    if (time > this.to) this.pan(time - this.to);
  }

  fit() {
    this.look(0, this.length);
  }
}

/** The channels of a lane that are drawn: those that its keys set, and the one that is edited. */
export function shownChannels(value, lane, edited) {
  const used = usedChannels(value, lane);
  return LANES[lane].filter((channel) => channel === edited[lane] || used.includes(channel));
}
