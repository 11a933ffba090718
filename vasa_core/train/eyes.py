"""Where a speaker looks and when they blink: fixations around a main direction, short glances, blinks."""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from .head import Voice
from .signals import levels, moments, smoothed

BLINK = np.array([0.0, 0.32, 0.88, 1.0, 0.96, 0.7, 0.4, 0.18, 0.05, 0.0])
"""Lid closure, 40 ms a step: closing takes two to three frames, opening four to five."""


def look(random: np.random.Generator, voice: Voice, label: ndarray, fps: float) -> tuple[ndarray, ndarray]:
    """Gaze (T, 2) in radians around the main direction `label` (T, 2), and frame numbers of its large shifts.

    Fixations last 0.3 to 3 s and stray a degree or two; a few times a minute the eyes glance aside for half a second,
    mostly where the speaker pauses.
    """
    frames = len(label)
    starts = np.concatenate([[0], moments(random, frames, 0.3 * fps, 1.1 * fps)])
    wide = random.random(len(starts)) < 0.15
    stray = random.normal(0.0, 1.0, (len(starts), 2)) * np.where(wide, 3.2, 1.1)[:, None] * (1.0, 0.7)
    offset = levels(frames, starts, stray)
    glances = moments(random, frames, 2.0 * fps, 11.0 * fps)
    quiet = voice.speaking[glances.astype(int)]
    glances = glances[random.random(len(glances)) < 1.0 - 0.5 * quiet]
    for start in glances:
        span = slice(int(start), int(start + random.uniform(0.35, 0.9) * fps))
        side = random.choice((-1.0, 1.0))
        offset[span] = (side * random.uniform(5.0, 11.0), random.normal(1.0, 3.5))
    total = label + np.radians(offset)
    jumps = np.flatnonzero(np.abs(np.diff(total, axis=0)).max(1) > np.radians(4.0)) + 1
    return smoothed(total, 0.62), jumps


def blinks(random: np.random.Generator, voice: Voice, shifts: ndarray, fps: float) -> ndarray:
    """(T,) lid closure 0..1, drawn to pauses and to large shifts of gaze.

    About 25 blinks a minute: of the rare events that it learns, sampling in ten steps loses more than a third.
    """
    frames = len(voice.envelope)
    times = moments(random, frames, 1.0 * fps, 3.0 * fps)
    talking = voice.speaking > 0.5
    ends, begins = np.flatnonzero(talking[:-1] & ~talking[1:]), np.flatnonzero(~talking[:-1] & talking[1:])
    drawn = np.concatenate(
        [events[random.random(len(events)) < chance] for events, chance in ((ends, 0.6), (begins, 0.3), (shifts, 0.3))]
    )
    closure = np.zeros(frames)
    last = -fps
    for time in np.sort(np.concatenate([times, drawn])):
        if time - last < 0.8 * fps:
            continue
        last = time
        slow = random.uniform(0.9, 1.25)
        span = np.arange(int(time), min(frames, int(time + len(BLINK) * slow) + 1))
        shape = np.interp((span - time) / slow, np.arange(len(BLINK)), BLINK, right=0.0)
        closure[span] = np.maximum(closure[span], random.uniform(0.93, 1.0) * shape)
    return closure
