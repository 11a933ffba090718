/** Two fingers on a canvas. */

/**
 * start(): the second finger came down, what one finger had begun is over. move(factor, from, to): the fingers are
 * `factor` times as far apart as a moment ago, and their middle went from one place to another, as clientX.
 */
export function onPinch(canvas, { start, move }) {
  const fingers = new Map();
  let pinching = false;
  const middleOf = () => ([...fingers.values()][0] + [...fingers.values()][1]) / 2;
  const spreadOf = () => Math.max(10, Math.abs([...fingers.values()][0] - [...fingers.values()][1]));
  const listen = (name, react) =>
    canvas.addEventListener(
      name,
      (event) => {
        if (event.pointerType !== "touch") return;
        react(event);
        if (!pinching) return;
        event.preventDefault();
        event.stopImmediatePropagation();
      },
      { capture: true },
    );
  listen("pointerdown", (event) => {
    if (fingers.size < 2) fingers.set(event.pointerId, event.clientX);
    if (fingers.size < 2 || pinching) return;
    start();
    pinching = true;
  });
  listen("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = pinching && fingers.size === 2 ? [middleOf(), spreadOf()] : null;
    fingers.set(event.pointerId, event.clientX);
    if (before) move(spreadOf() / before[1], before[0], middleOf());
  });
  for (const name of ["pointerup", "pointercancel"]) {
    listen(name, (event) => {
      fingers.delete(event.pointerId);
      if (!fingers.size) setTimeout(() => (pinching = false)); // after this event
    });
  }
}
