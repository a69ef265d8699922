'use strict'

const { isDeepStrictEqual } = require('node:util')

// A small model of what concurrent requests on one store may do, on parsed values.

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)

// The changes base -> ours applied to theirs.
const merge = (base, ours, theirs) => {
  if (!isObject(ours) || !isObject(theirs) || !(base === undefined || isObject(base))) return ours
  const merged = {}
  for (const name of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
    const [was, our, their] = [base?.[name], ours[name], theirs[name]]
    if (was !== undefined && our === undefined) continue
    const value = our === undefined || isDeepStrictEqual(was, our)
      ? their
      : their === undefined ? our : merge(was, our, their)
    if (value !== undefined) merged[name] = value
  }
  return merged
}

const isEmpty = (session) => Object.keys(session).length === 0

// Carries out the end of a request in the model's records (id -> session). `request` is { id, base, now, regenerated };
// `now` is null for a cleared session. Answers what the client sees: 'none', 'kept', 'new', 'deleted' or 'gone'.
const commit = (records, { id, base, now, regenerated }, newId) => {
  if (base === undefined) {
    if (now !== null && !isEmpty(now)) records.set(newId, now)
    return now !== null && !isEmpty(now) ? 'new' : regenerated && id !== undefined ? 'deleted' : 'none'
  }
  if (now !== null && isDeepStrictEqual(base, now) && !regenerated) return 'none'
  const theirs = records.get(id)
  if (theirs === undefined) {
    const added = now === null || !regenerated ? {} : Object.fromEntries(Object.entries(now).filter(([name]) => !(name in base)))
    if (isEmpty(added)) return 'gone'
    records.set(newId, added)
    return 'new'
  }
  records.delete(id)
  const merged = now === null ? {} : merge(base, now, theirs)
  if (isEmpty(merged)) return 'deleted'
  records.set(regenerated ? newId : id, merged)
  return regenerated ? 'new' : 'kept'
}

module.exports = { commit, merge }
