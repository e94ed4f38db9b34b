/** Ends every process of the group that a process, started `detached`, leads or led: what it has left running ends too. No group left is as good. */
export function endGroup(leaderId: number | undefined): void {
  if (leaderId === undefined) return
  try {
    process.kill(-leaderId, 'SIGKILL')
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code !== 'ESRCH') throw failure
  }
}
