# Writes OUT (build_info.cc) with what this build is made of; run by every build, writes only what changed.
#   cmake -DSOURCE=… -DOUT=… -DVERSION=… -DCOMPILER=… -DFLAGS=… -P build_info.cmake
#
# numeric_version: sha256 over the sources that decide an answer's bits (kernels, engine, backends) and the compiler. A journal
# is not answered from when it differs. kernel_hash: over kernels/ alone.
find_package(Git QUIET)
set(revision "unknown")
set(dirty false)
if(GIT_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} rev-parse HEAD WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE head
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed EQUAL 0)
    set(revision ${head})
    execute_process(COMMAND ${GIT_EXECUTABLE} status --porcelain --untracked-files=no WORKING_DIRECTORY ${SOURCE}
                    OUTPUT_VARIABLE changes ERROR_QUIET)
    if(NOT changes STREQUAL "")
      set(dirty true)
    endif()
  endif()
endif()

function(hash_folders out)
  set(all "${COMPILER} ${FLAGS}")
  foreach(folder ${ARGN})
    file(GLOB_RECURSE files RELATIVE ${SOURCE} ${SOURCE}/${folder}/*.cc ${SOURCE}/${folder}/*.h)
    list(SORT files)
    foreach(file ${files})
      file(SHA256 ${SOURCE}/${file} hash)
      string(APPEND all "\n${file} ${hash}")
    endforeach()
  endforeach()
  string(SHA256 hash "${all}")
  set(${out} ${hash} PARENT_SCOPE)
endfunction()
hash_folders(numeric_version kernels engine backends)
hash_folders(kernel_hash kernels)

set(text "#include \"harness/build_info.h\"

namespace pareto {

const BuildInfo& build_info() {
  static const BuildInfo info = {\"${VERSION}\", \"${revision}\", ${dirty}, \"${COMPILER}\", \"${FLAGS}\",
                                 \"${kernel_hash}\",
                                 \"${numeric_version}\"};
  return info;
}

}  // namespace pareto
")
set(old "")
if(EXISTS ${OUT})
  file(READ ${OUT} old)
endif()
if(NOT old STREQUAL text)
  file(WRITE ${OUT} "${text}")
endif()
