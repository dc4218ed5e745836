/** Every page of the guide, in reading order. A test compares it with the folder. */
export const guideSidebar = [
  group('Start', {
    'getting-started': 'Getting started',
    'protect-routes': 'Protect routes and roles',
    'log-in': 'Log in, log out, remember me',
    'your-devices': 'Your devices',
    'session-values': 'Values, types and flash',
    'views-and-errors': 'Views and error pages',
    lifetimes: 'Lifetimes',
    options: 'Options',
  }),
  group('In production', {
    stores: 'Choose a store',
    redis: 'Redis in production',
    sizing: 'Sizing and speed',
    deploying: 'Proxies, shutdown, deploys',
    monitoring: 'Monitoring',
    incidents: 'Incidents',
    security: 'Security model',
    csrf: 'CSRF',
    privacy: 'Privacy',
  }),
  group('More than one page', {
    'spa-and-api': 'SPA, API, frames',
    websockets: 'WebSockets',
    'outside-a-request': 'Outside a request',
    testing: 'Testing your app',
    frameworks: 'Frameworks and runtimes',
    'writing-a-store': 'Writing a store',
  }),
  group('Moving here', {
    'express-session': 'holdfast/express-session',
    moving: 'From its records to ours',
    'from-express-session': 'From express-session',
    'from-cookie-session': 'From cookie-session',
  }),
  group('Look up', {
    promises: 'What it promises',
    troubleshooting: 'Troubleshooting',
    glossary: 'Glossary',
  }),
]

function group(text, pages) {
  return { text, items: Object.entries(pages).map(([page, title]) => ({ text: title, link: `/guide/${page}` })) }
}
