/** The loudness of the sound at a node's input over time: from the file of a Load Audio node at once, else after a run. */

import { api } from "../../../../scripts/api.js";

const RATE = 50; // peaks a second

/** Watches the input `name` of a node. peaks: 0..1 each, RATE of them a second; seconds: 0 while there is no sound. */
export class Waveform {
  constructor(node, name, changed) {
    Object.assign(this, { node, name, changed, peaks: [], seconds: 0, file: null });
    const { onExecuted, onConnectionsChange } = node;
    node.onExecuted = (output) => {
      onExecuted?.call(node, output);
      if (output?.peaks?.length) this.take(output.peaks.map((level) => level / 255), output.seconds[0]);
    };
    node.onConnectionsChange = (...change) => {
      onConnectionsChange?.apply(node, change);
      this.look();
    };
    this.timer = setInterval(() => (node.graph ? this.look() : clearInterval(this.timer)), 1500); // another file picked
    setTimeout(() => this.look());
  }

  take(peaks, seconds) {
    Object.assign(this, { peaks, seconds });
    this.changed();
  }

  /** Read the file of the Load Audio node that is connected, if it is another than before. */
  async look() {
    const file = this.source();
    if (file === this.file) return;
    this.file = file;
    if (!file) return this.node.isInputConnected?.(this.input()) ? undefined : this.take([], 0);
    const answer = await api.fetchApi(`/view?${new URLSearchParams(file)}`);
    if (!answer.ok) return;
    const sound = await new OfflineAudioContext(1, 1, 44100).decodeAudioData(await answer.arrayBuffer());
    if (file === this.file) this.take(peaksOf(sound), sound.duration);
  }

  input() {
    return this.node.findInputSlot?.(this.name) ?? -1;
  }

  /** "filename=...&type=input" of the connected Load Audio; null for any other source. */
  source() {
    const link = this.node.inputs?.[this.input()]?.link;
    const origin = link == null ? null : this.node.graph?.getNodeById(this.node.graph.links[link]?.origin_id);
    const value = origin?.type === "LoadAudio" ? origin.widgets?.find((widget) => widget.name === "audio")?.value : null;
    if (!value) return null;
    const [, path, type = "input"] = /^(.*?)(?: \[(\w+)\])?$/.exec(value);
    const cut = path.lastIndexOf("/");
    return new URLSearchParams({ filename: path.slice(cut + 1), subfolder: path.slice(0, Math.max(0, cut)), type }).toString();
  }
}

/** The loudest sample of each 1 / RATE seconds, over all channels. */
function peaksOf(sound) {
  const size = sound.sampleRate / RATE;
  const peaks = new Array(Math.ceil(sound.length / size)).fill(0);
  for (let channel = 0; channel < sound.numberOfChannels; channel++) {
    const samples = sound.getChannelData(channel);
    for (let k = 0; k < samples.length; k++) {
      const place = Math.floor(k / size);
      const level = Math.abs(samples[k]);
      if (level > peaks[place]) peaks[place] = level;
    }
  }
  return peaks;
}

/** Draw peaks between two times (seconds) into a box, mirrored about its middle line. */
export function drawPeaks(context, { peaks }, from, to, { x, y, width, height }, colour) {
  if (!peaks.length) return;
  context.fillStyle = colour;
  const loudest = peaks.loudest ?? (peaks.loudest = peaks.reduce((most, level) => Math.max(most, level), 1e-3));
  const step = ((to - from) * RATE) / width;
  for (let column = 0; column < width; column++) {
    const first = Math.floor(from * RATE + column * step);
    if (first >= peaks.length) break;
    let level = 0;
    for (let k = Math.max(0, first); k <= Math.min(first + step, peaks.length - 1); k++) level = Math.max(level, peaks[k]);
    const half = Math.max(0.5, ((level / loudest) * height) / 2);
    context.fillRect(x + column, y + height / 2 - half, 1, 2 * half);
  }
}
