// Copies between the host and this guest, as a command that the host runs:
//
//   banger-agent archive pack [--count] -- SOURCE...
//     writes an archive to standard output
//   banger-agent archive unpack [--many] [--contents] [--named] -- DESTINATION
//     reads one from standard input, and writes a report to standard output
#ifndef BANGER_GUEST_AGENT_ARCHIVE_H
#define BANGER_GUEST_AGENT_ARCHIVE_H

/// @param arguments  behind "archive" @returns the exit status: 0 where all was done, 1 where what
/// was written says what went wrong, 2 for arguments that are none
int agent_archive(int count, char** arguments);

#endif
