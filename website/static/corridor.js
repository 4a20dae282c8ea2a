// The rules of the Corridor over the tables that Python wrote. A play is what has happened so far; `chance`, a number
// from 0 to 1, decides between the outcomes of an action in the order of the table, as NumPy's `choice` does.
"use strict";

const corridor = {
  begin(world, situation) {
    const state = situation * world.cells + world.start;
    return { state, cell: world.start, situation, over: false, steps: [], total: 0 };
  },

  step(world, play, action, chance) {
    const outcomes = world.outcomes[play.state][action];
    let sum = 0;
    const found = outcomes.find(([probability]) => chance < (sum += probability)) ?? outcomes.at(-1);
    const [, next, reward, cell] = found;
    const steps = [...play.steps, { situation: play.situation, cell: play.cell, action, reward }];
    const over = next >= world.outcomes.length || steps.length === world.steps;
    return { ...play, state: next, cell, over, steps, total: play.total + reward };
  },
};
