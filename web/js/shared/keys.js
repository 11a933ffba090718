/**
 * The keys of a timeline's lanes, as its value holds them; every function returns a new value. Pure.
 *
 *   {version: 1, gaze: {ease: "smooth", keys: [{t: 0, yaw: 10, pitch: 0}]}, distance: {...}, emotion: {...}}
 */

import { valueAt } from "./curve.js";

/** The channels of each lane; a key names those that differ from REST, gaze and distance all of theirs. */
export const LANES = {
  gaze: ["yaw", "pitch"],
  distance: ["distance"],
  emotion: ["anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"],
};
export const REST = { distance: 1 }; // of all other channels 0
const NEAREST = 0.01; // seconds between two keys of a lane

export function keysOf(value, lane) {
  return value[lane]?.keys ?? [];
}

export function easeOf(value, lane) {
  return value[lane]?.ease ?? "smooth";
}

/** A channel's value at a time; its rest where the lane has no keys. */
export function laneAt(value, lane, channel, time) {
  const keys = keysOf(value, lane);
  const rest = REST[channel] ?? 0;
  if (!keys.length) return rest;
  const values = keys.map((key) => key[channel] ?? rest);
  return valueAt(keys.map((key) => key.t), values, easeOf(value, lane), time);
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
    const number = numbers ? (numbers[channel] ?? REST[channel] ?? 0) : laneAt(value, lane, channel, time);
    if (number || lane !== "emotion") key[channel] = number;
  }
  const others = keysOf(value, lane).filter((other) => Math.abs(other.t - key.t) >= NEAREST);
  return placed(value, lane, [...others, key], key);
}

export function withoutKey(value, lane, index) {
  return withKeys(value, lane, keysOf(value, lane).filter((_, k) => k !== index));
}

/** Change numbers of a key; its time stays between its neighbours' and within the timeline. */
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

function placed(value, lane, keys, key) {
  keys.sort((a, b) => a.t - b.t);
  return [withKeys(value, lane, keys), keys.indexOf(key)];
}

function tidy(time) {
  return Math.round(Math.max(0, time) * 1000) / 1000;
}
