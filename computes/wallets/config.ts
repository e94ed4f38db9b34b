import { z } from 'zod'

const NO_ADDRESS = { error: 'is not an address' }
const address = z
  .string(NO_ADDRESS)
  .regex(/^0x[0-9a-fA-F]{40}$/, NO_ADDRESS)
  .toLowerCase()
const NO_OBJECT = {
  error: (issue: { readonly code?: string; readonly keys?: readonly string[] }) =>
    issue.code === 'unrecognized_keys' ? `${issue.keys?.join(', ')} has no meaning here` : 'is not an object',
}

function once(texts: readonly string[], issues: { push(issue: object): unknown }, path: string): void {
  const seen = new Set<string>()
  for (const [index, text] of texts.entries()) {
    if (seen.has(text)) issues.push({ code: 'custom', message: 'comes twice', path: [path, index], input: text })
    seen.add(text)
  }
}

export const CONFIG = z
  .strictObject(
    {
      /** Each is a project of what it sent, received and called. */
      wallets: z.array(address, { error: 'is not a list of addresses' }).min(1, { error: 'is empty' }).readonly(),
      /** Each pair is a project of that wallet and that contract. */
      interactions: z
        .array(z.strictObject({ wallet: address, contract: address }, NO_OBJECT), { error: 'is not a list' })
        .readonly()
        .default([]),
    },
    NO_OBJECT,
  )
  .check(({ value, issues }) => {
    once(value.wallets, issues as never, 'wallets')
    once(value.interactions?.map(({ wallet, contract }) => `${wallet}_${contract}`) ?? [], issues as never, 'interactions')
  })
  .readonly()
export type WalletsConfig = z.infer<typeof CONFIG>
