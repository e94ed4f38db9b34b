/**
 * What the protocol state contracts mean by the short codes they revert with (spec/contracts.md §3), and by the named errors and
 * sentences that an operator meets.
 */

/** Of codes that no contract reverts with. */
export const RESERVED = 'Listed by the protocol, raised by none of its contracts.'

/** Short codes, as they stand in `Error(string)`. */
export const CONTRACT_CODES = {
  E01: 'The caller is not a validator of the data market. `./weft market set --add-validator` makes it one.',
  E02: 'The data market is not known to this ProtocolState, or not enabled: then it takes nothing new, only votes on what it took before.',
  E03: 'The caller does not own the data market. `./weft market show` names its owner.',
  E04: 'The caller is not a sequencer of the data market. `./weft market set --add-sequencer` makes it one.',
  E05: 'The caller is not the epoch manager of the data market. `./weft market set --epoch-manager` makes it that.',
  E06: RESERVED,
  E07: RESERVED,
  E08: 'The caller is neither the owner nor an admin of the data market.',
  E09: RESERVED,
  E10: 'Block numbers as epoch ids need epochs of one block.',
  E11: RESERVED,
  E12: RESERVED,
  E13: RESERVED,
  E14: RESERVED,
  E15: RESERVED,
  E16: RESERVED,
  E17: RESERVED,
  E18: RESERVED,
  E19: 'The lists of a call are not equally long.',
  E20: 'The epoch ends before it begins.',
  E21: 'The block range is not as long as the market wants its epochs, or not a whole number of epochs away.',
  E22: 'The epoch does not begin right after the one before.',
  E23: 'There are not as many snapshot CIDs as project ids.',
  E24: 'The batch is empty.',
  E25: 'A project of the batch already has a snapshot for this epoch, or its CID was anchored for it with other projects or CIDs.',
  E26: 'The batch was not submitted for this epoch.',
  E27: RESERVED,
  E28: RESERVED,
  E29: RESERVED,
  E30: 'The epoch does not exist.',
  E31: RESERVED,
  E32: RESERVED,
  E33: RESERVED,
  E34: RESERVED,
  E35: RESERVED,
  E36: RESERVED,
  E37: RESERVED,
  E38: 'Rewards are recorded for the current day and the one before, for no other.',
  E39: 'The batch submissions of this epoch were ended before.',
  E40: 'The validator attested this batch before.',
  E41: 'The batch window must be longer than the snapshot window. `./weft market show` has both as they are.',
  E42: 'The attestation window must be longer than the batch window, and the batch window set before it. `./weft market show` has both as they are.',
  E43: 'The batch came after the batch submissions of the epoch were ended.',
  E44: 'Only ProtocolState may call the data market; call ProtocolState instead.',
  E45: 'An address or a number of the call is zero and must not be.',
  E46: 'The supply of nodes cannot be limited to what is minted already; choose more.',
  E47: 'All eligible slots of this day were rewarded before.',
  E48: 'This slot was rewarded for this day before.',
} as const satisfies Readonly<Record<string, string>>

/** Custom errors of the contracts, by name. */
export const CONTRACT_ERRORS = {
  OwnableUnauthorizedAccount: 'The account it names does not own the contract: sign with the key of the owner.',
  OwnableInvalidOwner: 'The zero address cannot own a contract.',
  EnforcedPause: 'Minting, burning and claiming are paused.',
  ExpectedPause: 'The contract is not paused.',
  InvalidInitialization: 'The contract was initialized before.',
  RootOnlyBatchesNotAllowed:
    'The data market takes no batches that are anchored by their roots alone. `./weft market set --root-only-batches` allows them.',
  TooManyProjects: 'A batch has more projects than one transaction can finalize: send several batches.',
  TooManyBatches: 'The epoch has as many batches as it can have: send larger ones.',
  ProjectIdTooLong: 'A project id has more bytes than the data market stores.',
  CidTooLong: 'A CID has more bytes than any CID in use has.',
  TooManyRoleMembers: 'The role was given to as many addresses as it can be given to.',
  BlobNotWritten: 'The batch could not be stored; the usual cause is too little gas.',
  UnknownDesk:
    'The code at this address is not the desk that the data market was compiled with. After an upgrade call `adoptDesk` with the desk of its version.',
  MarketCodeNotAllowed: 'The owner of the protocol allows data markets certain code only, and this is none of it.',
  RewardAllowanceUsedUp:
    'Rewards are credited, but nothing is left of what the owner of the protocol granted the data market to pay them from. `./weft market set --reward-allowance-wei` grants more.',
  BatchContentDiffers:
    'The vote was cast for other projects or CIDs than the batch of this name has: the chain was reorganised, or they were read wrong.',
  EpochAlreadyReleased: 'A manifest begins with an epoch that is not released yet.',
  MalformedCalldata: 'The arguments of the call overlap, as no encoder makes them.',
  ValueOutOfRange: 'A number of the call is larger than what the contract stores.',
  OwnershipCannotBeRenounced: 'Ownership can be handed over, not given up.',
} as const satisfies Readonly<Record<string, string>>

const MEANINGS = { ...CONTRACT_CODES, ...CONTRACT_ERRORS } as const

/** A short code, or the name of a custom error. */
export type ContractCode = keyof typeof MEANINGS

/** The code of a revert reason, which may have arguments behind it. `undefined` for sentences. */
export function codeOf(reason: string): ContractCode | undefined {
  const word = reason.split(' ', 1).join()
  return Object.hasOwn(MEANINGS, word) ? (word as ContractCode) : undefined
}

/** What a revert reason means. `undefined` for sentences, which speak for themselves. */
export function meaningOf(reason: string): string | undefined {
  const code = codeOf(reason)
  return code && MEANINGS[code]
}
