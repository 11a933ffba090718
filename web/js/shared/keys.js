/**
 * The keys of a timeline's lanes, as its value holds them; every function returns a new value. Pure.
 *
 *   {version: 1, gaze: {ease: "smooth", keys: [{t: 0, yaw: 10, pitch: 0}]}, distance: {...}, emotion: {...}}
 */

import { valueAt } from "./curve.js";

/** The channels of each lane; a key of gaze or distance names all of them, one of emotion those that are not 0. */
export const LANES = {
  gaze: ["yaw", "pitch"],
  distance: ["distance"],
  emotion: ["anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"],
};
export const REST = { distance: 1 }; // of all other channels 0
const NEAREST = 0.01; // seconds between two keys of a lane

export function keysOf(value, lane) {
  const keys = value[lane]?.keys;
  return Array.isArray(keys) ? keys.filter((key) => Number.isFinite(key?.t)) : [];
}

export function easeOf(value, lane) {
  return value[lane]?.ease ?? "smooth";
}

/** What a key says of a channel. */
export function numberOf(key, channel) {
  return Number.isFinite(key[channel]) ? key[channel] : (REST[channel] ?? 0);
}

/** time => value of a channel; its rest where the lane has no keys. */
export function laneCurve(value, lane, channel) {
  const keys = keysOf(value, lane);
  if (!keys.length) return () => REST[channel] ?? 0;
  const [times, values] = [keys.map((key) => key.t), keys.map((key) => numberOf(key, channel))];
  const ease = easeOf(value, lane);
  return (time) => valueAt(times, values, ease, time);
}

/** A channel's value at a time. */
export function laneAt(value, lane, channel, time) {
  return laneCurve(value, lane, channel)(time);
}

/** Channels that some key of the lane sets: those of gaze and distance always. */
export function usedChannels(value, lane) {
  if (lane !== "emotion") return LANES[lane];
  return LANES.emotion.filter((channel) => keysOf(value, lane).some((key) => key[channel]));
}

/** A key at `time` with what the lane has there, or with `numbers`; returns [value, index of the key]. */
export function withKey(value, lane, time, numbers = null) {
  const key = { t: tidy(time) };
  for (const channel of LANES[lane]) {
    const number = numbers ? numberOf(numbers, channel) : laneAt(value, lane, channel, key.t);
    if (number || lane !== "emotion") key[channel] = Math.round(number * 1e4) / 1e4;
  }
  const keys = keysOf(value, lane).filter((other) => Math.abs(other.t - key.t) >= NEAREST);
  keys.push(key);
  keys.sort((a, b) => a.t - b.t);
  return [withKeys(value, lane, keys), keys.indexOf(key)];
}

export function withoutKey(value, lane, index) {
  return withKeys(value, lane, keysOf(value, lane).filter((_, k) => k !== index));
}

/** Change numbers of a key; its time stays between its neighbours'. */
export function changedKey(value, lane, index, numbers) {
  const keys = keysOf(value, lane);
  const key = { ...keys[index], ...numbers };
  const low = index ? keys[index - 1].t + NEAREST : 0;
  const high = index < keys.length - 1 ? keys[index + 1].t - NEAREST : Infinity;
  key.t = tidy(Math.min(high, Math.max(low, key.t)));
  if (lane === "emotion") for (const channel of LANES.emotion) if (key[channel] === 0) delete key[channel];
  return withKeys(value, lane, keys.map((other, k) => (k === index ? key : other)));
}

export function withEase(value, lane, ease) {
  return { ...value, [lane]: { ease, keys: keysOf(value, lane) } };
}

/** Seconds of the last key of any lane. */
export function lastTime(value) {
  return Math.max(0, ...Object.keys(LANES).map((lane) => keysOf(value, lane).at(-1)?.t ?? 0));
}

function withKeys(value, lane, keys) {
  return { ...value, [lane]: { ease: easeOf(value, lane), keys } };
}

function tidy(time) {
  return Math.round(Math.max(0, time) * 1000) / 1000;
}
