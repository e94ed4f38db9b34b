import { z } from 'zod'

const NO_ADDRESS = { error: 'is not an address' }
const asWritten = z.string(NO_ADDRESS).regex(/^0x[0-9a-fA-F]{40}$/, NO_ADDRESS)
/** In lower case, so that a configuration is the same however it is written. */
const address = asWritten.toLowerCase()

/** Where one Aave V3 market lives. Addresses in any case; those of `assets` are printed as they stand. */
export const CONFIG = z
  .strictObject(
    {
      pool: address,
      poolAddressesProvider: address,
      uiPoolDataProvider: address,
      /** The data sources, as they are to stand in `contract`. */
      assets: z
        .array(asWritten, { error: 'is not a list of addresses' })
        .min(1, { error: 'is empty' })
        .check(({ value, issues }) => {
          const normal = value.map((text) => String(text).toLowerCase())
          for (const [index, text] of normal.entries())
            if (normal.indexOf(text) < index) issues.push({ code: 'custom', message: 'comes twice', path: [index], input: text })
        })
        .readonly(),
    },
    { error: (issue) => (issue.code === 'unrecognized_keys' ? `${issue.keys.join(', ')} has no meaning here` : 'is not an object') },
  )
  .readonly()

export type AaveV3Config = z.infer<typeof CONFIG>
