/** What came of asking: outcomes are returned, only surprises are thrown. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: Refusal }

/** `detail` is one clear sentence for the person who asked; `status` is the HTTP status that says the same to a program. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 429 | 503
  readonly field?: string
  readonly detail: string
}

export const ok = <T>(value: T): Outcome<T> => ({ ok: true, value })

export const refuse = (
  status: Refusal['status'],
  detail: string,
  field?: string,
): { readonly ok: false; readonly refusal: Refusal } => ({
  ok: false,
  refusal: field === undefined ? { status, detail } : { status, detail, field },
})
