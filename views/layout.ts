import { html } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import type { Who } from '../runner/intake.ts'
import { visible } from './visible.ts'

export type Html = HtmlEscapedString | Promise<HtmlEscapedString>

/**
 * A whole page. Without `who`, of somebody who is not logged in. The scripts of htmx are not deferred: a deferred one starts
 * before its extension has come, and then misses every stream of the page.
 */
export const page = (title: string, who: Who | undefined, content: Html): Html => html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title} · Bellhop</title>
    <link rel="icon" href="/assets/icon.svg">
    <link rel="stylesheet" href="/assets/style.css">
    <script src="/assets/htmx.min.js"></script>
    <script src="/assets/hx-sse.min.js"></script>
    <script src="/assets/page.js" defer></script>
  </head>
  <body>
    <a class="skip" href="#main">To the content</a>
    <header>
      <a class="brand" href="/"><img src="/assets/icon.svg" alt="" width="22" height="22">Bellhop</a>
      ${
        who &&
        html`<nav><a href="/">Jobs</a><a href="/chat">Chat</a><a href="/workspaces">Workspaces</a></nav>
      <form method="post" action="/logout"><span>${visible(who.user.name)}</span><button class="quiet">Log out</button></form>`
      }
    </header>
    <main id="main"><div id="notice" aria-live="polite"></div>${content}</main>
  </body>
</html>`

/** A time in UTC; the page's script shows it in the reader's own zone. */
export const time = (at: string | undefined): Html =>
  at ? html`<time datetime="${at}">${at.slice(0, 16).replace('T', ' ')} UTC</time>` : html``

/** A job's state as a badge. */
export const badge = (state: string): Html =>
  html`<span class="badge ${state}">${state.replace('_', ' ')}</span>`

/** Micro-dollars as dollars; nothing for nothing. */
export const dollars = (cost: number): string =>
  cost === 0 ? '' : `$${(cost / 1_000_000).toFixed(cost < 10_000 ? 4 : 2)}`

/** Bytes as people read them. */
export const size = (bytes: number): string => {
  if (bytes < 1024) return `${bytes} B`
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`
}

/** The first line of a text, at most `most` characters. */
export const headline = (text: string, most = 120): string => {
  const line = visible(text.trim().split('\n', 1)[0] ?? '')
  return line.length > most ? `${line.slice(0, most - 1).toWellFormed()}…` : line
}
