/** Files as everybody above the adapters writes them: the rules themselves lie below, where adapters reach them too. */
export { onDisk, replaceFile } from '#io/disk/disk.ts'
export { makeFolder } from '#io/disk/folder.ts'
