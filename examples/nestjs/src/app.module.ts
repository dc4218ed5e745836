import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common'
import { SessionManager } from 'holdfast'
import { AccountController } from './account.controller.js'

@Module({
  controllers: [AccountController],
  // With Redis: useFactory: async () => new SessionManager({ store: new RedisStore({ client }) })
  providers: [{ provide: SessionManager, useFactory: () => new SessionManager() }],
})
export class AppModule implements OnApplicationShutdown {
  constructor(@Inject(SessionManager) private readonly sessions: SessionManager) {}

  async onApplicationShutdown(): Promise<void> {
    await this.sessions.close()
  }
}
