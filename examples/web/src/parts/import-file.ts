/** Whether a file can be imported at all. The API checks each row, and tells its faults by line. */
const [CSV, JSONL] = ['text/csv', 'application/jsonl']
const MEDIA_TYPES: Record<string, string> = { csv: CSV, jsonl: JSONL, ndjson: JSONL }
const PROBED_BYTES = 65_536
const SAVE_AS_CSV = 'Open the list of customers in a spreadsheet, save it as “CSV UTF-8”, and choose that file.'

/** The media type of a file. Of a useless one, throw what is wrong with it and what to do. */
export async function mediaTypeOf(file: File): Promise<string> {
  if (!file.name) throw new Error('Choose a file first.')
  const type = MEDIA_TYPES[file.name.split('.').at(-1)?.toLowerCase() ?? '']
  if (!type) throw new Error(`Choose a file whose name ends in .csv, .jsonl or .ndjson. ${SAVE_AS_CSV}`)
  // A browser reads no file that has changed since it was chosen, as after it was mended.
  const probe = await file.slice(0, PROBED_BYTES).arrayBuffer().catch(() => {
    throw new Error('The file has changed since it was chosen. Choose it again.')
  })
  const [bytes, text] = [new Uint8Array(probe), new TextDecoder().decode(probe)]
  if (text.trim() === '') throw new Error('The file is empty. Choose one that has customers.')
  if (text.startsWith('PK')) throw new Error(`The file is a workbook, such as Excel’s, or a ZIP. ${SAVE_AS_CSV}`)
  if (Math.min(bytes[0] ?? 0, bytes[1] ?? 0) >= 0xfe) throw new Error(`The file is text in UTF-16. ${SAVE_AS_CSV}`)
  if (text.includes('\0') || text.startsWith('%PDF')) {
    throw new Error(`The file is not text: it may be a photo, a PDF or a program. ${SAVE_AS_CSV}`)
  }
  if (type === CSV && file.size <= PROBED_BYTES && !/[\r\n]/.test(text.trim())) {
    throw new Error(
      'The file has one line only, which is read as the names of columns. Add a line for each customer below it.',
    )
  }
  return type
}
