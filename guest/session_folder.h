// Where sessions are on disk: a folder for each in the sessions folder, a socket for each that has
// a host in the run folder.
#ifndef BANGER_GUEST_SESSION_FOLDER_H
#define BANGER_GUEST_SESSION_FOLDER_H

#include "guest/session_frames.h"

#include <stdbool.h>
#include <stddef.h>

#define BANGER_SESSIONS_DIR "/var/lib/banger/sessions"
#define BANGER_SESSIONS_RUN BANGER_RUN_DIR "/sessions"

/// Call before anything else. The strings must stay.
void session_folders_set(const char* sessions, const char* run);

/// The sessions folder, which is made if need be. @returns -1 with errno set
int session_open_root(void);

/// The folder of one session. @returns -1 with errno set
int session_open_folder(const char* id);

/// Makes it; EEXIST is how a repeated start with the same ID finds out. @returns -1 with errno set
int session_make_folder(const char* id);

/// With all that is in it, and the socket. @returns false with errno set; true where it was not
/// there.
bool session_remove_folder(const char* id);

/// Held while a session comes into being, until its state file is there. Closing it unlocks.
/// @returns -1 with errno set
int session_lock(void);

/// The socket of a session's host. Its packets are whole frames. @returns -1 with errno set
int session_listen(const char* id);
int session_connect(const char* id);
void session_remove_socket(const char* id);

/// Calls `visit` with the ID of each socket there is, or each folder.
void session_each_socket(void (*visit)(const char* id, void* context), void* context);
void session_each_folder(void (*visit)(const char* id, void* context), void* context);

/// Makes the file `name` hold `bytes`: a reader sees all of the old content or of the new.
/// @param syncs  it is on the disk when this returns
/// @returns false with errno set
bool session_replace_file(int folder, const char* name, const void* bytes, size_t size, bool syncs);

/// @returns true where somebody removed it
bool session_folder_is_gone(int folder);

/// Has the file `name`, its folder, and that the folder exists on the disk.
bool session_sync_folder(int folder, const char* name);

#endif
