'use strict'

// Goes on with what a store answered: at once where it did, and when its promise is fulfilled where that came.
const after = (answer, next) => answer instanceof Promise ? answer.then(next) : next(answer)

module.exports = { after }
