/** Values between keys, as vasa_core/motion/controls.py has them; a test holds the two equal. Pure. */

export const EASES = ["smooth", "linear", "step"];

/**
 * The value at `time` of a channel whose keys are at `times` (rising) with `values`; both as many, at least one.
 * "linear" joins the keys by lines, "step" holds each until the next, "smooth" is the monotone cubic of Fritsch and
 * Carlson (1980), which never overshoots. Before the first and after the last key that key holds.
 */
export function valueAt(times, values, ease, time) {
  const last = times.length - 1;
  if (last === 0 || time <= times[0]) return values[0];
  if (time >= times[last]) return values[last];
  let left = 0;
  for (let right = last; right - left > 1; ) {
    const middle = (left + right) >> 1;
    if (times[middle] <= time) left = middle;
    else right = middle;
  }
  if (ease === "step") return values[left];
  const length = times[left + 1] - times[left];
  const u = (time - times[left]) / length;
  const [a, b] = [values[left], values[left + 1]];
  if (ease === "linear") return a + (b - a) * u;
  const p = slope(times, values, left) * length;
  const q = slope(times, values, left + 1) * length;
  return a + u * (p + u * (3 * (b - a) - 2 * p - q + u * (p + q - 2 * (b - a)))); // Hermite form
}

/** Harmonic mean of the neighbouring secants; 0 at the ends and at turning points. */
function slope(times, values, k) {
  if (k === 0 || k === times.length - 1) return 0;
  const before = (values[k] - values[k - 1]) / (times[k] - times[k - 1]);
  const after = (values[k + 1] - values[k]) / (times[k + 1] - times[k]);
  return before * after > 0 ? (2 * before * after) / (before + after) : 0;
}
