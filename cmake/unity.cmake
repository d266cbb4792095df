# PARETO_UNITY: the files of one target are compiled eight at a time, so that the headers and templates that they share (JSON
# above all) are compiled once. Two files that give the same name to two things cannot be together: list one of them below.
# Kernels always stand alone: their bits must not depend on what else is compiled, and their flags differ by file.
set(PARETO_ALONE
  engine/model_config.cc engine/model_source.cc engine/model_writer_hf.cc engine/safetensors.cc
  results/policy.cc results/samples.cc
  tasks/gsm8k.cc tasks/jinja_expressions.cc tasks/jinja_lexer.cc tasks/jinja_methods_text.cc tasks/jinja_parser.cc
  tasks/jinja_tests.cc
  tests/engine/gguf_parse_test.cc tests/engine/hf_tiny_test.cc tests/engine/invariance_test.cc tests/engine/scheduler_test.cc
  tests/engine/work_test.cc tests/results/statistics_test.cc tests/tasks/multi_choice_filter_test.cc
  tests/tasks/prompt_test.cc)

function(pareto_unity)
  if(NOT PARETO_UNITY)
    return()
  endif()
  foreach(target pareto_core pareto_engine pareto_backends pareto_tasks pareto_profiles pareto_results pareto_harness
          test_core test_engine test_tasks test_results)
    if(NOT TARGET ${target})
      continue()
    endif()
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    get_target_property(folder ${target} SOURCE_DIR)
    get_target_property(sources ${target} SOURCES)
    foreach(source ${sources})
      file(RELATIVE_PATH name ${CMAKE_SOURCE_DIR} ${source})
      if(name IN_LIST PARETO_ALONE OR name MATCHES "^tests/(support|engine/tokenizer_)|^harness/cmd_")
        set_source_files_properties(${source} TARGET_DIRECTORY ${target} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
      endif()
    endforeach()
  endforeach()
endfunction()
