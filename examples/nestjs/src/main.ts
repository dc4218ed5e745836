import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import { SessionManager, sessionMiddleware } from 'holdfast'
import { AppModule } from './app.module.js'

const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: ['error', 'warn'] })
app.use(sessionMiddleware(app.get(SessionManager)))
// On SIGTERM Nest closes the server, so that requests that are running save their sessions; then AppModule closes them.
app.enableShutdownHooks()
await app.listen(Number(process.env['PORT'] ?? 3000))
console.log(`Listening on http://localhost:${new URL(await app.getUrl()).port}`)
