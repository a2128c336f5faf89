// The flags of `hearth doctor`.

/** As the scanner gives them. */
export interface DoctorFlags {
  readonly json: boolean;
}
