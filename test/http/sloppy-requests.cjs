// Plain JavaScript without 'use strict': an assignment that has no effect is silent here unless the package throws.
module.exports = {
  'req.session = null': (req) => (req.session = null),
  'req.session = undefined': (req) => (req.session = undefined),
  'req.session = {}': (req) => (req.session = { user: 'ann' }),
  'req.session = new Session': (req) => (req.session = Object.create(req.session)),
  'Object.assign(req, { session })': (req) => Object.assign(req, { session: { user: 'ann' } }),
}
