import { Body, Controller, Get, Inject, Post, Redirect, Req, Session, UseGuards } from '@nestjs/common'
import type { Request } from 'express'
import { login, logout, SessionManager } from 'holdfast'
import { LoginGuard } from './login.guard.js'
import type { AppSession } from './session.js'

@Controller()
export class AccountController {
  constructor(@Inject(SessionManager) private readonly sessions: SessionManager) {}

  @Get()
  home(@Session() session: AppSession): string {
    const visits = (session.get('visits') ?? 0) + 1
    session.set('visits', visits)
    const notice = session.get('notice') ?? ''
    return `<p>${notice}</p><p>Visit ${visits}. <a href="/account">Your account</a></p>
      <form method="post" action="/sign-in"><label>Password <input name="password" type="password"></label>
      <button>Sign in</button></form>`
  }

  @Post('sign-in')
  @Redirect('/account', 303)
  signIn(@Req() req: Request, @Body('password') password: unknown): void {
    if (password === 'hold fast') login(req, 'ada')
    else req.session.flash('notice', 'That is not the password.')
  }

  @Get('account')
  @UseGuards(LoginGuard)
  async account(@Session() session: AppSession): Promise<string> {
    const devices = await this.sessions.users.readAll(session.subject ?? '')
    return `<p>Signed in as ${session.subject} on ${devices.size} device(s)</p>
      <form method="post" action="/sign-out"><button>Sign out</button></form>`
  }

  @Post('sign-out')
  @Redirect('/', 303)
  signOut(@Req() req: Request): void {
    logout(req)
    req.session.flash('notice', 'You are signed out.')
  }
}
