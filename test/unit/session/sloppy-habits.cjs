// Plain JavaScript without 'use strict': here an assignment that has no effect is silent unless the package throws. Each
// function is a habit of code that was written for another session package.
module.exports = {
  'session.user = x': (session) => (session.user = { name: 'Ann' }),
  'session.views++': (session) => session.views++,
  'session.cart ??= []': (session) => (session.cart ??= []),
  'session.cart = session.cart || []': (session) => (session.cart = session.cart || []),
  'session["first name"] = x': (session) => (session['first name'] = 'Ann'),
  'session._csrfSecret = x': (session) => (session._csrfSecret = 'x'),
  'session.then = x': (session) => (session.then = 'x'),
  'session.toString = x': (session) => (session.toString = () => 'x'),
  'session.__proto__ = x': (session) => (session.__proto__ = {}),
  'session.constructor = x': (session) => (session.constructor = Object),
  'Object.assign(session, x)': (session) => Object.assign(session, { user: 'ann' }),
  'session.flash = session.flash || {}': (session) => (session.flash = session.flash || {}),
  'session.flash ??= {}; session.flash.notice = x': (session) => {
    session.flash ??= {}
    session.flash.notice = 'x'
  },
  'session.set.user = x': (session) => (session.set.user = 'x'),
  'session.get = x': (session) => (session.get = () => 'x'),
  'session.id = x': (session) => (session.id = 'x'),
  'session.data = x': (session) => (session.data = [{}, {}]),
  'session.subject = x': (session) => (session.subject = 'admin'),
  'session.destroyed = x': (session) => (session.destroyed = false),
  'if (session.user)': (session) => (session.user ? 'in' : 'out'),
  'session.cookie.maxAge = x': (session) => (session.cookie.maxAge = 1000),
  'session.save(cb)': (session) => session.save(() => {}),
  'session.save?.(cb)': (session) => session.save?.(() => {}),
  'session.regenerate(cb)': (session) => session.regenerate(() => {}),
  'session.reload(cb)': (session) => session.reload(() => {}),
  'session.touch()': (session) => session.touch(),
  '"user" in session': (session) => 'user' in session,
  // eslint-disable-next-line no-prototype-builtins -- as it is written
  'session.hasOwnProperty("user")': (session) => session.hasOwnProperty('user'),
  'session.destroy(cb)': (session) => session.destroy(() => {}),
  'session.regenerateId(cb)': (session) => session.regenerateId(() => {}),
  'session.unset("a", cb)': (session) => session.unset('a', () => {}),
  'session.set("a", 1, cb)': (session) => session.set('a', 1, () => {}),
}
