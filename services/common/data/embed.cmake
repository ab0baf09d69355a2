# Writes each of FOLDER/<name>.txt as the string constant k_<name>_file into OUTPUT.
file(WRITE ${OUTPUT} "#include \"services/common/data/data_files.h\"\n\nnamespace waterline::data {\n")
foreach(name ${NAMES})
  file(READ ${FOLDER}/${name}.txt text)
  file(APPEND ${OUTPUT} "const char k_${name}_file[] = R\"~~~(")
  file(APPEND ${OUTPUT} "${text}")
  file(APPEND ${OUTPUT} ")~~~\";\n")
endforeach()
file(APPEND ${OUTPUT} "}  // namespace waterline::data\n")
